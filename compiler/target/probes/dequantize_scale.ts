/** A scale with four dimensions. */
import { refusalProbe } from "./refusal.ts";

export const dequantizeScale = refusalProbe("dequantize_scale", {
  asks: "Is a scale of [N, 1, 1, 1] refused?",
});
