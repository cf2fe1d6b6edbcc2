/** Weights with a scale for each block. */
import { refusalProbe } from "./refusal.ts";

export const blockwiseWeights = refusalProbe("blockwise_weights", {
  asks: "Is `constexpr_blockwise_shift_scale` refused?",
  weSay: "refuted",
});
