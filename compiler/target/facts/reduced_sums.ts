/** How sums over an axis are kept. */
import { roundToHalf } from "../../support/half.ts";
import { against, assumed, defineFact, type Finding, reported } from "./define.ts";

/** The sum when every partial sum is rounded to fp16. */
function halfSum(x: readonly number[]): number {
  return x.reduce((sum, v) => roundToHalf(sum + v), 0);
}

export const reducedSums = defineFact({
  id: "reduced_sums",
  statement:
    "`reduce_sum` keeps its running sum in fp16, so that whole numbers are exact only up to 2,048.",
  kind: "numerics",
  ops: ["reduce_sum"],
  evidence: [
    reported(
      "sbryngelson/ANEForge numeric cliffs",
      "eight terms of 2,049 give 2,050, on eight machines",
    ),
    {
      ...assumed("fact half_away", "a wide sum that is rounded once gives 2,050 as well"),
      says: "refuted",
    },
    against("jafreck/ironmill op support matrix", "sums right to 0.013, M3 Pro"),
  ],
  *checkRun({ numbers }, ops): Generator<Finding> {
    if (numbers === undefined || !ops.includes(numbers.op)) return;
    const x = numbers.operands[0]!;
    const wide = roundToHalf(x.reduce((sum, v) => sum + v, 0));
    const narrow = halfSum(x);
    if (wide !== narrow)
      yield { title: `this sum is ${narrow} in fp16 and ${wide} when it is kept wide` };
  },
  workaround: "multiply by a matrix of ones, which adds up in fixed point, or use `reduce_mean`",
  emulator: "adds wide; with `half-sums=on` rounds every step",
  examples: {
    fires: {
      chip: "m4",
      numbers: { unit: "elementwise", op: "reduce_sum", operands: [[2048, 1, 1, 1, 1]] },
    },
    silent: {
      chip: "m4",
      numbers: { unit: "elementwise", op: "reduce_sum", operands: [[1000, 24, 3]] },
    },
  },
});
