/** Weights of 8 bits. */
import { refusalProbe } from "./refusal.ts";

export const dequantizeSupport = refusalProbe("dequantize_support", {
  asks: "Is `constexpr_affine_dequantize` refused?",
  weSay: "refuted",
});
