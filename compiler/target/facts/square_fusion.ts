/** `square` at some widths. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import { argument, atOp, operand, result, type Site, sites } from "./walk.ts";

const isOddWidth = (site: Site): boolean => (operand(site, "x")?.shape.at(-1) ?? 0) % 128 > 64;

export const squareFusion = defineFact({
  id: "square_fusion",
  statement:
    "`square` next to a nonlinearity fails when the width is more than 64 beyond a multiple of 128.",
  kind: "warn",
  ops: ["square"],
  evidence: [reported("sbryngelson/ANEForge op catalog", "through e5rt")],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if (isOddWidth(site))
        yield atOp(
          site.s,
          `\`square\` of width ${operand(site, "x")!.shape.at(-1)} can fail`,
          "square",
        );
    }
  },
  workaround: "multiply x by itself",
  fix: replacing((site, emit) => {
    const [x, out] = [argument(site.s, "x"), result(site.s)];
    if (site.s.op !== "square" || x === undefined || out === undefined || !isOddWidth(site))
      return false;
    emit.add("mul", out, { x: x.value, y: x.value }, site.s.results[0]!.name);
    return true;
  }),
  emulator: "accepts it",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 96]), line("y", [1, 64, 1, 96], "square(x = x)")),
    silent: program(fp16("x", [1, 64, 1, 64]), line("y", [1, 64, 1, 64], "square(x = x)")),
  },
});
