/** Ops that others must be composed for. */
import { refusalProbe } from "./refusal.ts";

export const composedOps = refusalProbe("composed_ops", {
  asks: "Are ops refused that the engine has no task for?",
});
