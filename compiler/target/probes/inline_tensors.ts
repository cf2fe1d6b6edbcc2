/** Tensor constants in the text. */
import { refusalProbe } from "./refusal.ts";

export const inlineTensors = refusalProbe("inline_tensors", {
  asks: "Is an operand refused that is a tensor in the text?",
  weSay: "refuted",
});
