/** Ops that others must be composed for. */
import { line } from "../facts/examples.ts";
import { opTrials, refusalProbe } from "./refusal.ts";

const y = (call: string): string => line("y", [1, 64, 1, 32], call);

export const composedOps = refusalProbe("composed_ops", {
  asks: "Are ops refused that the engine has no task for?",
  trials: () =>
    opTrials({
      neg: y("neg(x = x)"),
      mod: y("mod(x = x, y = fp16(3))"),
      tan: y("tan(x = x)"),
      sinh: y("sinh(x = x)"),
      cosh: y("cosh(x = x)"),
    }),
});
