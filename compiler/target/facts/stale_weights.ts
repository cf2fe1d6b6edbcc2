/** Weights are part of a compiled program. */
import { against, defineFact, type Finding, reported } from "./define.ts";

export const staleWeights = defineFact({
  id: "stale_weights",
  statement:
    "Rewriting a weight file after the compile changes nothing, even after unloading and loading again.",
  kind: "silent_wrong",
  evidence: [
    reported("maderix/ANE m5result.md", "no effect, M5, macOS 26.3"),
    reported("vatsal191201/AutoANE docs/FINDINGS.md", "five variants without effect, M2 Pro"),
    reported("AmiraniLabs/libane probe_delta_reload", "no effect, M3 Pro, macOS 26"),
    against("mechramc/Orion", "494 ms instead of 4,200 for 60 programs, M4 Max, macOS 15"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.weightsRewritten === true)
      yield { title: "weights were rewritten in files after the compile" };
  },
  workaround: "pass weights that change as inputs",
  emulator: "keeps the weights of the compile",
  examples: {
    fires: { chip: "m5", handover: { weightsRewritten: true } },
    silent: { chip: "m5", handover: { weightsRewritten: false } },
  },
});
