/** Ties are rounded away from zero. */
import { roundToHalf } from "../../support/half.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { macOperands } from "./fixed_point.ts";
import { PRODUCT_OPS } from "./walk.ts";

/** Whether `value` lies in the middle of two numbers of fp16, the even one of them nearer to zero. */
function isTieDown(value: number): boolean {
  const even = roundToHalf(value);
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 10);
  return Math.abs(value) - Math.abs(even) === step / 2;
}

export const halfAway = defineFact({
  id: "half_away",
  statement:
    "Results are rounded to fp16 half away from zero: 2049 becomes 2050, where IEEE gives 2048.",
  kind: "numerics",
  ops: PRODUCT_OPS,
  evidence: [
    reported("751K M6 study notes/numerics.md", "products and elementwise ops, M4 and M6"),
    reported("sbryngelson/ANEForge numeric cliffs", "2049 to 2050 on eight machines"),
    against("ane-guide", "says half to even; its own numbers fit half away"),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    const [x, w] = macOperands(numbers) ?? [[], []];
    const sum = x.reduce((total, a, i) => total + a * w[i]!, 0);
    if (isTieDown(sum))
      yield { title: `${sum} is rounded away from zero, and by IEEE to ${roundToHalf(sum)}` };
  },
  workaround: "compare with a tolerance of one unit in the last place",
  emulator: "rounds half away from zero",
  examples: {
    fires: {
      chip: "m4",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [
          [2048, 1],
          [1, 1],
        ],
      },
    },
    silent: {
      chip: "m4",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [
          [2048, 2],
          [1, 1],
        ],
      },
    },
  },
});
