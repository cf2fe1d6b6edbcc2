/** Copying into surfaces. */
import { defineFact, type Finding, reported } from "./define.ts";

export const stagedBytes = defineFact({
  id: "staged_bytes",
  statement:
    "Copying more than about 220 MB into surfaces in one step loses what the engine gains.",
  kind: "cost",
  evidence: [
    reported(
      "vatsal191201/AutoANE docs/FINDINGS.md",
      "even at 220 MB, half the speed at 379 MB, M2 Pro",
    ),
    reported(
      "joshuaswarren/omarchy-ane",
      "97 % of the time was host copies until surfaces were cached, M2 Max",
    ),
  ],
  *checkRun({ dispatch }): Generator<Finding> {
    const bytes = dispatch?.stagedBytes ?? 0;
    if (bytes > 220e6)
      yield { title: `${Math.round(bytes / 1e6)} MB are copied into surfaces in a step` };
  },
  workaround: "keep weights in surfaces and copy only what changed",
  emulator: "counts the time",
  examples: {
    fires: { chip: "m2_pro", dispatch: { stagedBytes: 379e6 } },
    silent: { chip: "m2_pro", dispatch: { stagedBytes: 60e6 } },
  },
});
