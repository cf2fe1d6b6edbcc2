/** Large weights. */
import { refusalProbe } from "./refusal.ts";

export const weightBudget = refusalProbe("weight_budget", {
  asks: "Is a program refused that carries more than 8 MB of weights?",
  weSay: "refuted",
});
