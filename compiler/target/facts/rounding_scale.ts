/** A factor behind a rounding op is lost. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { argument, atOp, sites, source, tensorAt } from "./walk.ts";

export const roundingScale = defineFact({
  id: "rounding_scale",
  statement:
    "Through e5rt, `floor`, `ceil` or `round` followed by a product with a scalar loses the scalar.",
  kind: "warn",
  ops: ["floor", "ceil", "round", "mul"],
  evidence: [reported("sbryngelson/ANEForge issue 112", "compared with a CPU")],
  *check(c): Generator<Finding> {
    for (const site of sites(c, "mul")) {
      const rounded = ["floor", "ceil", "round"].includes(source(site, "x")?.op ?? "");
      const scale = tensorAt(site.view, argument(site.s, "y")?.value);
      if (rounded && scale?.shape.length === 0)
        yield atOp(site.s, "the factor behind this rounding can be lost", "mul");
    }
  },
  workaround: "multiply by a tensor of one element, or before the rounding",
  emulator: "computes it right",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${line("r", [1, 64, 1, 32], "floor(x = x)")}\n${line("y", [1, 64, 1, 32], "mul(x = r, y = fp16(0.5))")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${line("h", [1, 64, 1, 32], "mul(x = x, y = fp16(0.5))")}\n${line("y", [1, 64, 1, 32], "floor(x = h)")}`,
    ),
  },
});
