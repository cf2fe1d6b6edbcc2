/** Pooling. */
import { refusalProbe } from "./refusal.ts";

export const pooling = refusalProbe("pooling", {
  asks: "Is `max_pool` refused?",
  weSay: "refuted",
});
