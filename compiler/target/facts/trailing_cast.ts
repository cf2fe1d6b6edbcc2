/** A cast to fp32 behind the last op. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, result, sites } from "./walk.ts";

const tail = (shape: readonly number[]): string => line("h", shape, "sigmoid(x = x)");

export const trailingCast = defineFact({
  id: "trailing_cast",
  statement:
    "A `cast` to fp32 behind the last op keeps that op wider, so that few results differ in the last place from an fp16 output.",
  kind: "numerics",
  ops: ["cast"],
  evidence: [reported("ddalcu/mlx-serve", "8 of 5.2 million values, M4 Max")],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const isOutput = s.results.some((r) => view.outputs.has(r.name));
      if (isOutput && result(s)?.element === "fp32")
        yield atOp(s, "the op before this cast is rounded later", "fp32");
    }
  },
  workaround: "return fp16 where results are compared bit by bit",
  emulator: "rounds before the cast",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${tail([1, 64, 1, 32])}\ntensor<fp32, [1, 64, 1, 32]> y = cast(x = h, dtype = string("fp32"))[name = string("y")];`,
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), tail([1, 64, 1, 32]), "h"),
  },
});
