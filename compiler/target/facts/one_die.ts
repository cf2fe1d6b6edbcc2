/** Chips of two dies. */
import { against, defineFact, type Finding, reported } from "./define.ts";

export const oneDie = defineFact({
  id: "one_die",
  statement: "Of the two engines of an Ultra chip, a process uses one.",
  kind: "cost",
  chips: ["m1", "m2", "m3"],
  evidence: [
    reported("maderix/ANE issue 42", "8.8 TFLOPS at most, M3 Ultra"),
    against("jundot/omlx", "uses both, M3 Ultra; how is not published"),
  ],
  *checkRun({ chip, process }): Generator<Finding> {
    if (chip.endsWith("_ultra") && (process?.programs ?? 0) > 1)
      yield { title: `one engine of ${chip} is idle` };
  },
  workaround: "run independent work in two processes and measure",
  emulator: "has one engine",
  examples: {
    fires: { chip: "m3_ultra", process: { programs: 2 } },
    silent: { chip: "m3_max", process: { programs: 2 } },
  },
});
