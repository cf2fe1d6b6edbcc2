/** A constant as operand of `matmul`. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { argument, atArgument, isConstant, sites } from "./walk.ts";

export const constantOperand = defineFact({
  id: "constant_operand",
  statement: "`matmul` with a constant operand is refused on M1.",
  kind: "reject",
  ops: ["matmul"],
  chips: ["m1"],
  evidence: [
    reported("imperatormk/ane-train", "InvalidMILProgram, M1"),
    against(
      "joshuaswarren/mil-hwx-compiler",
      "compiles for M1 with `transpose_y` true, and in chains without",
    ),
    against("maderix/ANE classifier", "a constant of rank 3, M4"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      if (!isConstant(view, argument(s, "y")?.value)) continue;
      yield atArgument(s, "y", "`matmul` with a constant may be refused on m1", "constant");
    }
  },
  workaround: "use a 1×1 `conv`, or store the constant transposed and set `transpose_y`",
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 1, 32, 64]),
      `${weight("w", [64, 32])}\n${line("y", [1, 1, 32, 32], "matmul(x = x, y = w)")}`,
    ),
    silent: program(
      `${fp16("w", [1, 1, 64, 32])}, ${fp16("x", [1, 1, 32, 64])}`,
      line("y", [1, 1, 32, 32], "matmul(x = x, y = w)"),
    ),
  },
});
