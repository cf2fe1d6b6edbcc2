/** Attention over many positions. */
import { refusalProbe } from "./refusal.ts";

export const scoreSize = refusalProbe("score_size", {
  asks: "Is attention refused over more than 1,024 positions?",
});
