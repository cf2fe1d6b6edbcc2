/** A slice of an input beside norm, convolution and attention. */
import { refusalProbe } from "./refusal.ts";

export const sliceOfInput = refusalProbe("slice_of_input", {
  asks: "Is a slice of an input refused in a large program?",
  weSay: "refuted",
});
