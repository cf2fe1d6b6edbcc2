/** One width of models that is slow. */
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atOp, contraction, PRODUCT_OPS, sites } from "./walk.ts";

const text = (width: number): string =>
  program(
    fp16("x", [1, width, 1, 32]),
    `${weight("w", [64, width, 1, 1])}\n${line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
  );

export const width5120 = defineFact({
  id: "width_5120",
  statement: "Layers of width 5,120 take 4.7 times as long as their size says.",
  kind: "cost",
  ops: PRODUCT_OPS,
  chips: ["m4"],
  evidence: [reported("ncdrone/rustane", "time of a layer by width, M4 Max")],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if (contraction(site) === 5120) yield atOp(site.s, "a layer of width 5,120 is slow", "5120");
    }
  },
  workaround: "choose 4,096 or 6,144, or cut the reduction in two",
  emulator: "counts the usual time",
  examples: { fires: text(5120), silent: text(4096) },
});
