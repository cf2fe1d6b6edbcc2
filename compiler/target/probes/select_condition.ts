/** A condition that is no bool. */
import { refusalProbe } from "./refusal.ts";

export const selectCondition = refusalProbe("select_condition", {
  asks: "Is `select` refused with a condition of fp16?",
});
