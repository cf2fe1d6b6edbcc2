/** Small products vanish. */
import { roundToHalf } from "../../support/half.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { gridProduct, macOperands } from "./fixed_point.ts";
import { PRODUCT_OPS } from "./walk.ts";

export const productGrid = defineFact({
  id: "product_grid",
  statement:
    "Each product of a sum is rounded to a multiple of 2^-16, and is 0 when the exponents of its factors add up to less than -16.",
  kind: "numerics",
  ops: PRODUCT_OPS,
  evidence: [
    reported("751K M6 study notes/numerics.md", "bit for bit on M4 and M6"),
    reported(
      "sbryngelson/ANEForge rooflines",
      "its published errors follow from this rule to 14 digits on six chips",
    ),
    reported("joshuaswarren/omarchy-ane receipts", "single terms are multiples of 2^-16, M2 Max"),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    const [x, w] = macOperands(numbers) ?? [[], []];
    const lost = x.filter(
      (a, i) => roundToHalf(a) * roundToHalf(w[i]!) !== 0 && gridProduct(a, w[i]!) === 0,
    );
    if (lost.length > 0)
      yield {
        title: `${lost.length} of ${x.length} products are below the grid of 2^-16 and vanish`,
      };
  },
  workaround: "scale operands by powers of two, so that products lie between 2^-9 and 4",
  emulator: "rounds and drops products the same way with `numerics=exact`",
  examples: {
    fires: {
      chip: "m1",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [
          [1e-3, 1],
          [1e-3, 0.02],
        ],
      },
    },
    silent: {
      chip: "m1",
      numbers: {
        unit: "mac",
        op: "matmul",
        operands: [
          [1, 0.5],
          [0.02, 0.03],
        ],
      },
    },
  },
});
