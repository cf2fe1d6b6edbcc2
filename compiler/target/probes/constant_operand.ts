/** `matmul` with a constant. */
import { refusalProbe } from "./refusal.ts";

export const constantOperand = refusalProbe("constant_operand", {
  asks: "Is `matmul` with a constant refused on M1?",
  weSay: "refuted",
});
