/** Transposing the second of two operands that are inputs. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { argument, atArgument, int, isConstant, sites } from "./walk.ts";

const inputs = `${fp16("a", [1, 1, 32, 64])}, ${fp16("b", [1, 1, 64, 64])}`;

export const transposedOperand = defineFact({
  id: "transposed_operand",
  statement:
    "`transpose_y = true` costs one more task when both operands are computed; for constant weights it is the form to prefer.",
  kind: "cost",
  ops: ["matmul"],
  chips: ["m1", "m2"],
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "tasks counted in all four combinations, for M1 and M2",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const constant = isConstant(site.view, argument(site.s, "y")?.value);
      if (constant || int(site, "transpose_y", 0) === 0) continue;
      yield atArgument(
        site.s,
        "transpose_y",
        "the second operand is computed and transposed",
        "one more task",
      );
    }
  },
  workaround: "produce the operand in the order in which it is read, if that is free",
  emulator: "counts the task",
  examples: {
    fires: program(
      inputs,
      line("y", [1, 1, 32, 64], "matmul(x = a, y = b, transpose_y = bool(true))"),
    ),
    silent: program(
      inputs,
      line("y", [1, 1, 32, 64], "matmul(x = a, y = b, transpose_y = bool(false))"),
    ),
  },
});
