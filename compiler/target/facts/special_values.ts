/** Infinities and NaN are numbers to products. */
import { defineFact, type Finding, reported } from "./define.ts";
import { macOperands } from "./fixed_point.ts";
import { PRODUCT_OPS } from "./walk.ts";

export const specialValues = defineFact({
  id: "special_values",
  statement: "Products read an infinity as 65,536 and a NaN as a number like 98,304; -0 becomes 0.",
  kind: "silent_wrong",
  ops: PRODUCT_OPS,
  evidence: [
    reported("751K M6 study notes/numerics.md", "bit for bit on M4 and M6"),
    reported(
      "sbryngelson/ANEForge docs/developer/numerics.md",
      "NaN does not come out again, M1 to M5",
    ),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    const all = macOperands(numbers)?.flat() ?? [];
    const odd = all.find((v) => !Number.isFinite(v));
    if (odd !== undefined) yield { title: `a product reads ${odd} as a finite number` };
  },
  workaround: "look for infinities on the host; do not rely on NaN to show a fault",
  emulator: "reads them the same way",
  examples: {
    fires: {
      chip: "m4",
      numbers: { unit: "mac", op: "conv", operands: [[Number.POSITIVE_INFINITY], [0.25]] },
    },
    silent: { chip: "m4", numbers: { unit: "mac", op: "conv", operands: [[8], [0.25]] } },
  },
});
