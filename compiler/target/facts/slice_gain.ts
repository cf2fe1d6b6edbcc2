/** Slices of columns overflow on the first two generations. */
import { SLICE_OPS, sliceRows, startsInside } from "./column_slices.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const text = (from: number): string =>
  [
    constant("tensor<int32, [4]>", "from", `[0, 0, 0, ${from}]`),
    constant("tensor<int32, [4]>", "size", "[1, 64, 1, 32]"),
    line("y", [1, 64, 1, 32], "slice_by_size(x = x, begin = from, size = size)"),
  ].join("\n");

export const sliceGain = defineFact({
  id: "slice_gain",
  statement:
    "A slice along the last axis that does not start at 0 multiplies by 16 on its way: values beyond 4,094 come out " +
    "as infinities.",
  kind: "numerics",
  ops: SLICE_OPS,
  chips: ["m1", "m2"],
  evidence: [
    reported(
      "sbryngelson/ANEForge numeric cliffs",
      "M1, M1 Max, M2 Pro and M2 Max; exact on M4 and later",
    ),
    reported("ane-guide chapter 3", "a width slice has a gain of sixteen, M1"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if (startsInside(site))
        yield atOp(
          site.s,
          "this slice of columns makes infinities of values beyond 4,094",
          "starts inside a row",
        );
    }
  },
  workaround:
    "keep values below 4,094, pack tensors along another axis, or transpose before slicing",
  fix: sliceRows,
  emulator:
    "makes infinities of values beyond 4,094 for M1 and M2, unless told `narrow-slices=off`",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 64]), text(32)),
    silent: program(fp16("x", [1, 64, 1, 64]), text(0)),
  },
});
