/** Numbers below 2^-14 and products. */
import { defineFact, type Finding, reported } from "./define.ts";
import { macOperands } from "./fixed_point.ts";
import { PRODUCT_OPS } from "./walk.ts";

export const smallFactors = defineFact({
  id: "small_factors",
  statement:
    "Elementwise ops keep subnormal numbers; products lose them unless the other factor is large.",
  kind: "numerics",
  ops: PRODUCT_OPS,
  evidence: [
    reported(
      "751K M6 study notes/numerics.md",
      "2^-24 + 0 and 2^-12 · 2^-12 kept elementwise, M4 and M6",
    ),
    reported("joshuaswarren/omarchy-ane receipts", "results below 2^-17 are 0 in products, M2 Max"),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    const small = (macOperands(numbers)?.flat() ?? []).filter(
      (v) => v !== 0 && Math.abs(v) < 2 ** -14,
    );
    if (small.length > 0) yield { title: `${small.length} factors of products are subnormal` };
  },
  workaround: "scale them by a power of two before the product",
  emulator: "keeps subnormals in elementwise ops and drops them in products",
  examples: {
    fires: { chip: "m2_max", numbers: { unit: "mac", op: "matmul", operands: [[2 ** -20], [1]] } },
    silent: {
      chip: "m2_max",
      numbers: { unit: "elementwise", op: "add", operands: [[2 ** -20], [0]] },
    },
  },
});
