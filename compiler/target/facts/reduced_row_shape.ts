/** A reduction over a wide row of many channels. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, ints, operand, REDUCTION_OPS, sites } from "./walk.ts";

const text = (width: number): string =>
  program(
    fp16("x", [1, 16, 128, width]),
    line(
      "y",
      [1, 16, 128, 1],
      "reduce_max(x = x, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))",
    ),
  );

export const reducedRowShape = defineFact({
  id: "reduced_row_shape",
  statement: "A reduction over an axis of one element is refused by the raw compiler.",
  kind: "warn",
  ops: REDUCTION_OPS,
  chips: ["m1", "m2"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "[1, 16, 128, 1] over its last axis, for M1 and M2; fine inside larger programs",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const x = operand(site, "x");
      const axes = x === undefined ? undefined : ints(site, "axes");
      if (axes === undefined || axes.length === 0 || axes.some((a) => x!.shape.at(a) !== 1))
        continue;
      yield atOp(site.s, "this reduces axes of one element", "nothing to reduce");
    }
  },
  workaround: "leave it out, or use `reshape`",
  emulator: "accepts it",
  examples: { fires: text(1), silent: text(32) },
});
