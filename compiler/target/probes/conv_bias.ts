/** `conv` with a bias. */
import { refusalProbe } from "./refusal.ts";

export const convBias = refusalProbe("conv_bias", {
  asks: "Is `conv` with a bias refused?",
  weSay: "refuted",
});
