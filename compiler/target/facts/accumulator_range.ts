/** Sums of products end at 32,768. */
import { defineFact, type Finding, reported } from "./define.ts";
import { macOperands, macSum } from "./fixed_point.ts";
import { PRODUCT_OPS } from "./walk.ts";

export const accumulatorRange = defineFact({
  id: "accumulator_range",
  statement:
    "`matmul`, `linear` and `conv` add up in 32-bit fixed point with 16 fraction bits. A partial sum of 32,768 or more " +
    "makes the result an infinity, even if later terms bring it back.",
  kind: "silent_wrong",
  ops: PRODUCT_OPS,
  evidence: [
    reported(
      "751K M6 study notes/numerics.md",
      "bit for bit on M4 and M6: 16384+16376 is finite, 16384+16384 is not",
    ),
    reported(
      "sbryngelson/ANEForge numeric cliffs",
      "the cliff on M1, M1 Max, M2 Pro, M4, M4 Max, M5 and M5 Pro",
    ),
    reported("maderix/h3.c-ane", "scales the down projection by 1/16 and back, M4"),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    const operands = macOperands(numbers);
    if (operands !== undefined && macSum(...operands).overflows)
      yield { title: "a partial sum of products reaches 32,768" };
  },
  workaround: "scale an operand by a power of two, which is exact, and the result back",
  emulator: "gives an infinity that stays",
  examples: {
    fires: {
      chip: "m4",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [
          [20_000, 20_000, 20_000],
          [1, 1, -1],
        ],
      },
    },
    silent: {
      chip: "m4",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [
          [20_000, 20_000, 20_000],
          [1, -1, 1],
        ],
      },
    },
  },
});
