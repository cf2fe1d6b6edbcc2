/** `sin` and `cos`. */
import { refusalProbe } from "./refusal.ts";

export const trigonometry = refusalProbe("trigonometry", {
  asks: "Are `sin` and `cos` refused?",
});
