/** How exact a product of matrices is. */
import { assumed, defineFact, type Finding, reported } from "./define.ts";
import { PRODUCT_OPS } from "./walk.ts";

/** 2^-16 / √12: the deviation of a rounding to the grid. */
const DEVIATION = 2 ** -16 / Math.sqrt(12);

export const errorLaw = defineFact({
  id: "error_law",
  statement:
    "The relative error of a matmul is about 4.4e-6 / (σx·σw), whatever its size: small gradients times small weights have few bits left.",
  kind: "numerics",
  ops: PRODUCT_OPS,
  evidence: [
    reported(
      "sbryngelson/ANEForge rooflines",
      "errors that grow with the size because its operands shrink with it, M1 to M6",
    ),
    assumed(
      "fact product_grid",
      "the law follows from rounding to 2^-16, and agrees with those numbers",
    ),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    if (numbers?.spread === undefined) return;
    const { x, w, tolerance } = numbers.spread;
    const error = DEVIATION / (x * w);
    if (error > tolerance)
      yield {
        title: `this product is right to ${error.toPrecision(2)}, and ${tolerance} was asked for`,
      };
  },
  workaround:
    "scale the loss so that gradients are near 0.1 to 1, and each operand by a power of two",
  emulator: "has this error with `numerics=exact`",
  examples: {
    fires: {
      chip: "m2",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [],
        spread: { x: 0.01, w: 0.02, tolerance: 0.01 },
      },
    },
    silent: {
      chip: "m2",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [],
        spread: { x: 1, w: 0.02, tolerance: 0.01 },
      },
    },
  },
});
