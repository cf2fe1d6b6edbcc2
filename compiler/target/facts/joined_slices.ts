/** Joining slices of columns goes wrong on the first two generations. */
import { sliceRows, startsInside } from "./column_slices.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { argument, atOp, namesIn, sites } from "./walk.ts";

const text = (first: number, second: number): string =>
  [
    constant("tensor<int32, [4]>", "a_from", `[0, 0, 0, ${first}]`),
    constant("tensor<int32, [4]>", "b_from", `[0, 0, 0, ${second}]`),
    constant("tensor<int32, [4]>", "size", "[1, 8, 1, 32]"),
    line("a", [1, 8, 1, 32], "slice_by_size(x = x, begin = a_from, size = size)"),
    line("b", [1, 8, 1, 32], "slice_by_size(x = x, begin = b_from, size = size)"),
    line("y", [1, 16, 1, 32], "concat(values = (a, b), axis = int32(1), interleave = bool(false))"),
  ].join("\n");

export const joinedSlices = defineFact({
  id: "joined_slices",
  statement:
    "`concat` of two or more slices that start inside a row returns wrong elements on M1 and M2.",
  kind: "silent_wrong",
  ops: ["concat"],
  chips: ["m1", "m2"],
  evidence: [reported("sbryngelson/ANEForge", "M1 and M2, compared with a CPU")],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const names =
        argument(s, "values") === undefined ? [] : namesIn(argument(s, "values")!.value);
      const slices = names.filter((name) => {
        const made = view.definitions.get(name);
        return made !== undefined && startsInside({ view, s: made });
      });
      if (slices.length > 1)
        yield atOp(s, `\`concat\` joins ${slices.length} slices of columns`, slices.join(", "));
    }
  },
  workaround: "slice along another axis",
  fix: sliceRows,
  emulator: "computes it right",
  examples: {
    fires: program(fp16("x", [1, 8, 1, 96]), text(32, 64)),
    silent: program(fp16("x", [1, 8, 1, 96]), text(0, 64)),
  },
});
