/** Parameters in weight files. */
import { refusalProbe } from "./refusal.ts";

export const integerParameters = refusalProbe("integer_parameters", {
  asks: "Is a permutation refused that stands in a weight file?",
});
