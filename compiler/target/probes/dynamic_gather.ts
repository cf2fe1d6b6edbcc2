/** `gather` with indices that are given. */
import { refusalProbe } from "./refusal.ts";

export const dynamicGather = refusalProbe("dynamic_gather", {
  asks: "Is `gather` refused with indices that are an input?",
  weSay: "holds",
});
