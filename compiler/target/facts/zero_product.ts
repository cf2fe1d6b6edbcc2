/** A product with zero behind a reduction. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atArgument, scalar, sites, source } from "./walk.ts";

const text = (factor: string): string =>
  [
    line(
      "s",
      [1, 64, 1, 1],
      "reduce_sum(x = x, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))",
    ),
    line("y", [1, 64, 1, 1], `mul(x = s, y = fp16(${factor}))`),
  ].join("\n");

export const zeroProduct = defineFact({
  id: "zero_product",
  statement: "The product of a reduced value with the constant 0 does not compile.",
  kind: "reject",
  ops: ["mul"],
  evidence: [
    reported("sbryngelson/ANEForge docs/training.md", "through e5rt"),
    against(
      "christopherkarani/Espresso FusedTwoLayerDecodeGenerator.swift",
      "compiles and runs, M3 Max",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if (scalar(site, "y") !== 0 || !(source(site, "x")?.op ?? "").startsWith("reduce_")) continue;
      yield atArgument(site.s, "y", "a reduced value is multiplied by 0", "0");
    }
  },
  apple: "ANECCompile() FAILED (11)",
  workaround: "make the zero with `sub(x = t, y = t)`",
  emulator: "accepts it",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text("0")),
    silent: program(fp16("x", [1, 64, 1, 32]), text("0.5")),
  },
});
