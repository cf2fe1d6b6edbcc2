/** Products of int8 with int8. */
import { defineFact, type Finding, reported } from "./define.ts";
import { PRODUCT_OPS } from "./walk.ts";

export const int8Sums = defineFact({
  id: "int8_sums",
  statement:
    "Products of int8 weights and int8 activations are added up in 32-bit integers and scaled afterwards; a sum of 2^31 is an infinity.",
  kind: "numerics",
  ops: PRODUCT_OPS,
  evidence: [
    reported(
      "751K M6 study notes/numerics.md",
      "outputs up to 64,512 are right, so the limit of fp16 products is not there, M4 and M6",
    ),
    reported("maderix/ANE ane_int8_bench.m", "1.88 times the speed of fp16, M4"),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    if (numbers?.unit !== "int8") return;
    const [x = [], w = []] = numbers.operands;
    const sum = x.reduce((total, a, i) => total + a * (w[i] ?? 0), 0);
    if (Math.abs(sum) >= 2 ** 31) yield { title: "a sum of int8 products reaches 2^31" };
  },
  workaround: "cut the sum into parts; with int8 it takes more than 133,000 terms",
  emulator: "adds up in 32-bit integers",
  examples: {
    fires: {
      chip: "m4",
      numbers: {
        unit: "int8",
        op: "conv",
        operands: [new Array<number>(140_000).fill(127), new Array<number>(140_000).fill(127)],
      },
    },
    silent: {
      chip: "m4",
      numbers: {
        unit: "int8",
        op: "conv",
        operands: [
          [127, 127],
          [127, -127],
        ],
      },
    },
  },
});
