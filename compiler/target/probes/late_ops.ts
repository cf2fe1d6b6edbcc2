/** Random numbers and places of extremes. */
import { refusalProbe } from "./refusal.ts";

export const lateOps = refusalProbe("late_ops", {
  asks: "Are `reduce_argmax` and its kin refused?",
  weSay: "holds",
});
