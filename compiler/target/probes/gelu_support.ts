/** `gelu` with its mode. */
import { refusalProbe } from "./refusal.ts";

export const geluSupport = refusalProbe("gelu_support", {
  asks: "Is `gelu` refused though it has a mode?",
  weSay: "refuted",
});
