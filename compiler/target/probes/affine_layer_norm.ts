/** `layer_norm` with parameters. */
import { refusalProbe } from "./refusal.ts";

export const affineLayerNorm = refusalProbe("affine_layer_norm", {
  asks: "Is `layer_norm` with `gamma` refused?",
  weSay: "refuted",
});
