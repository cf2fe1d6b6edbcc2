/** Speed after minutes of work. */
import { against, defineFact, type Finding, reported } from "./define.ts";

export const thermalLimit = defineFact({
  id: "thermal_limit",
  statement: "After ten minutes of work the engine is 30 % slower.",
  kind: "cost",
  evidence: [
    reported("vatsal191201/AutoANE docs/FINDINGS.md", "M2 Pro"),
    against("751K M6 study", "five minutes of full load without a change, M6 mini"),
  ],
  *checkRun({ dispatch }): Generator<Finding> {
    const seconds = dispatch?.busySeconds ?? 0;
    if (seconds >= 600)
      yield { title: `the engine has worked for ${Math.round(seconds / 60)} minutes` };
  },
  workaround: "measure after a warm-up of ten minutes",
  emulator: "has no temperature",
  examples: {
    fires: { chip: "m2_pro", dispatch: { busySeconds: 900 } },
    silent: { chip: "m2_pro", dispatch: { busySeconds: 30 } },
  },
});
