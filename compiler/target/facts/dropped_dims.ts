/** `keep_dims = false` changes the layout of an output. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, int, REDUCTION_OPS, sites } from "./walk.ts";

export const droppedDims = defineFact({
  id: "dropped_dims",
  statement:
    "An output that was reduced with `keep_dims = false` is one dense row of results; with `keep_dims = true` " +
    "it is one 64-byte row for each result.",
  kind: "warn",
  ops: REDUCTION_OPS,
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "438 surfaces of Apple's compiler for M1 and M2: [1, 64, 8, 8] over H and W is a row of 128 bytes or 64 rows of 64",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if (int(site, "keep_dims", 0) !== 0) continue;
      const name = site.s.results[0]?.name ?? "";
      const shape = site.view.types.get(name);
      if (!site.view.outputs.has(name) || shape?.kind !== "tensor") continue;
      yield atOp(
        site.s,
        `output \`${name}\` is reduced without keeping its dimensions`,
        "dense row",
      );
    }
  },
  workaround: "keep the dimensions, or read the output as one row",
  emulator: "lays out the surface from the shape of the output as written",
  examples: {
    fires: program(
      fp16("x", [1, 64, 8, 32]),
      line(
        "y",
        [1, 64],
        "reduce_mean(x = x, axes = tensor<int32, [2]>([2, 3]), keep_dims = bool(false))",
      ),
    ),
    silent: program(
      fp16("x", [1, 64, 8, 32]),
      line(
        "y",
        [1, 64, 1, 1],
        "reduce_mean(x = x, axes = tensor<int32, [2]>([2, 3]), keep_dims = bool(true))",
      ),
    ),
  },
});
