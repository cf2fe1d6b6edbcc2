/** Squares added up over a wide axis. */

import { sameTree } from "../../mil/tree.ts";
import { assumed, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { argument, atOp, axisFrom0, ints, operand, type Site, sites, source } from "./walk.ts";

const WIDE = 256;

function isSquare(site: Site): boolean {
  const s = source(site, "x");
  if (s === undefined) return false;
  const [x, y] = [argument(s, "x"), argument(s, "y")];
  return (
    s.op === "square" ||
    (s.op === "mul" && x !== undefined && y !== undefined && sameTree(x.value, y.value))
  );
}

const text = (reduce: string): string =>
  `${line("s", [1, 768, 1, 32], "mul(x = x, y = x)")}\n${line("y", [1, 1, 1, 32], `${reduce}(x = s, axes = tensor<int32, [1]>([1]), keep_dims = bool(true))`)}`;

export const sumOfSquares = defineFact({
  id: "sum_of_squares",
  statement:
    "A sum of D squares passes 65,504 when the values are about √(65504/D) large: 9.2 at D = 768.",
  kind: "numerics",
  ops: ["reduce_sum", "reduce_sum_square"],
  evidence: [
    reported("maderix/h3.c-ane", "divides by 256 before squaring, M4"),
    assumed("the range of fp16", "768 squares of 9.24 add up to 65,500"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const shape = operand(site, "x")?.shape ?? [];
      const axes = ints(site, "axes") ?? shape.map((_, i) => i);
      const count = axes.reduce((n, axis) => n * (shape[axisFrom0(axis, shape.length)] ?? 0), 1);
      if (count < WIDE || !(site.s.op === "reduce_sum_square" || isSquare(site))) continue;
      const bound = Math.sqrt(65_504 / count).toPrecision(2);
      yield atOp(
        site.s,
        `this sum of ${count} squares overflows from values of about ${bound} on`,
        `${count} squares`,
      );
    }
  },
  workaround: "use `reduce_mean` of the squares, or scale x by a power of two first",
  emulator: "rounds the sum to fp16, where it is an infinity",
  examples: {
    fires: program(fp16("x", [1, 768, 1, 32]), text("reduce_sum")),
    silent: program(fp16("x", [1, 768, 1, 32]), text("reduce_mean")),
  },
});
