/** Programs that only move data. */
import { refusalProbe } from "./refusal.ts";

export const movementOnly = refusalProbe("movement_only", {
  asks: "Is a program refused that is one `reshape`?",
  notEmulated: true,
});
