/** Ops that the engine does not have. */
import { refusalProbe } from "./refusal.ts";

export const unsupportedOps = refusalProbe("unsupported_ops", {
  asks: "Is an op refused that the engine is said not to have?",
});
