/** Sums over too many products. */
import { refusalProbe } from "./refusal.ts";

export const contractionLimit = refusalProbe("contraction_limit", {
  asks: "Is a product refused that adds up more terms than the chip's limit?",
});
