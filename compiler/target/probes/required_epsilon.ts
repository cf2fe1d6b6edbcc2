/** `rsqrt` without its `epsilon`. */
import { refusalProbe } from "./refusal.ts";

export const requiredEpsilon = refusalProbe("required_epsilon", {
  asks: "Is `rsqrt` refused without `epsilon`?",
});
