/** An input that is returned as it is. */
import { refusalProbe } from "./refusal.ts";

export const returnedInput = refusalProbe("returned_input", {
  asks: "Is a program refused that returns its input?",
});
