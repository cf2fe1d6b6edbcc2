/** Trying the engine before trusting it. */
import { defineFact, type Finding, reported } from "./define.ts";

export const knownAnswer = defineFact({
  id: "known_answer",
  statement:
    "Some hosts compile and do not evaluate, even an identity; a small program with a known result tells.",
  kind: "warn",
  evidence: [
    reported("hollance/neural-engine issue 44", "unstable on some hosts"),
    reported(
      "joshuarossi/mlx-bun",
      "compiles a product of 64 by 64 before trusting the device, M4 Pro",
    ),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.probedAtStart === false) yield { title: "the engine is used without a probe" };
  },
  workaround: "run a 1×1 convolution of [1, 64, 1, 64] at the start and compare",
  emulator: "answers it",
  examples: {
    fires: { chip: "m1_ultra", handover: { probedAtStart: false } },
    silent: { chip: "m1_ultra", handover: { probedAtStart: true } },
  },
});
