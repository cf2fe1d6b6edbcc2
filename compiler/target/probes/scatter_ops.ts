/** `scatter`. */
import { refusalProbe } from "./refusal.ts";

export const scatterOps = refusalProbe("scatter_ops", {
  asks: "Is `scatter` refused?",
});
