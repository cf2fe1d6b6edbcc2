/** Tensors that are too wide. */
import { refusalProbe } from "./refusal.ts";

export const tensorExtents = refusalProbe("tensor_extents", {
  asks: "Is a tensor refused that is wider than the chip's limit?",
});
