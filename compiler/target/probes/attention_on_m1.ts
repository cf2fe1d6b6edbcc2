/** Attention on the first chips. */
import { refusalProbe } from "./refusal.ts";

export const attentionOnM1 = refusalProbe("attention_on_m1", {
  asks: "Is attention refused on M1 and M2?",
  weSay: "refuted",
});
