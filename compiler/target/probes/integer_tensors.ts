/** Values of 32-bit integers inside a program. */
import { refusalProbe } from "./refusal.ts";

export const integerTensors = refusalProbe("integer_tensors", {
  asks: "Is a program refused that computes 32-bit integers?",
});
