/** The factor behind a product is one fp16 number. */
import { roundToHalf } from "../../support/half.ts";
import { defineFact, type Finding, reported } from "./define.ts";

export const scaleWord = defineFact({
  id: "scale_word",
  statement:
    "A scalar factor behind a product is rounded to fp16 once: 1/√64 is exact and 1/√96 is not.",
  kind: "numerics",
  ops: ["mul"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "the factor is one fp16 word of the task, for M1 and M2",
    ),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    if (numbers?.op !== "scale") return;
    const [factor = 1] = numbers.operands[0] ?? [];
    if (roundToHalf(factor) !== factor)
      yield { title: `the factor ${factor} is rounded to ${roundToHalf(factor)}` };
  },
  workaround: "use powers of two, and fold the rest into the weights",
  emulator: "rounds the factor to fp16",
  examples: {
    fires: { chip: "m1", numbers: { unit: "mac", op: "scale", operands: [[1 / Math.sqrt(96)]] } },
    silent: { chip: "m1", numbers: { unit: "mac", op: "scale", operands: [[0.125]] } },
  },
});
