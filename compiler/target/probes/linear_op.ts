/** `linear`. */
import { refusalProbe } from "./refusal.ts";

export const linearOp = refusalProbe("linear_op", {
  asks: "Is `linear` refused?",
  weSay: "refuted",
});
