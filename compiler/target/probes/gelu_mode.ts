/** `gelu` without its `mode`. */
import { refusalProbe } from "./refusal.ts";

export const geluMode = refusalProbe("gelu_mode", {
  asks: "Is `gelu` refused without `mode`?",
});
