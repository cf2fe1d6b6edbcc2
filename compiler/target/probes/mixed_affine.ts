/** `layer_norm` with one constant and one computed parameter. */
import { refusalProbe } from "./refusal.ts";

export const mixedAffine = refusalProbe("mixed_affine", {
  asks: "Is `layer_norm` refused when one of `gamma` and `beta` is a constant?",
});
