/** The gradient of attention. */
import { refusalProbe } from "./refusal.ts";

export const attentionCycle = refusalProbe("attention_cycle", {
  asks: "Is the gradient of attention refused as a cycle?",
  notEmulated: true,
});
