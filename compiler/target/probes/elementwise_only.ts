/** Programs without a product. */
import { refusalProbe } from "./refusal.ts";

export const elementwiseOnly = refusalProbe("elementwise_only", {
  asks: "Is a program refused that has no product?",
  notEmulated: true,
});
