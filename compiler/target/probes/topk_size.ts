/** `topk` of three. */
import { refusalProbe } from "./refusal.ts";

export const topkSize = refusalProbe("topk_size", {
  asks: "Is `topk` of the largest three refused?",
});
