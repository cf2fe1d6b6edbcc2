/** Wide windows of `max_pool`. */
import { refusalProbe } from "./refusal.ts";

export const poolWidth = refusalProbe("pool_width", {
  asks: "Is a window refused that is wider than 8?",
});
