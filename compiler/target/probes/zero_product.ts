/** A reduced value times 0. */
import { refusalProbe } from "./refusal.ts";

export const zeroProduct = refusalProbe("zero_product", {
  asks: "Is the product of a reduced value with 0 refused?",
  weSay: "refuted",
});
