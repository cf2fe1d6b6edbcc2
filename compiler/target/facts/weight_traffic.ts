/** Weights that are inputs come in slowly. */
import { defineFact, type Finding, reported } from "./define.ts";

export const weightTraffic = defineFact({
  id: "weight_traffic",
  statement:
    "Inputs are read at 24 to 40 GB/s; constants at 50 to 150 GB/s. Weights that are inputs are paid for in every call.",
  kind: "cost",
  evidence: [
    reported("751K M6 study", "35 to 40 against 150 GB/s, M6"),
    reported("ane-guide", "24 against 51 GB/s, M1"),
    reported("skyfallsin field guide", "26 MB of inputs in 1.0 ms, M3 Max"),
  ],
  *checkRun({ dispatch }): Generator<Finding> {
    const bytes = dispatch?.weightInputBytes ?? 0;
    if (bytes > 10e6)
      yield {
        title: `${Math.round(bytes / 1e6)} MB of weights are inputs of one call, about ${(bytes / 24e6).toFixed(1)} ms`,
      };
  },
  workaround: "process more tokens in a call: they are free until arithmetic takes longer",
  emulator: "counts the time",
  examples: {
    fires: { chip: "m4", dispatch: { weightInputBytes: 26e6 } },
    silent: { chip: "m4", dispatch: { weightInputBytes: 2e6 } },
  },
});
