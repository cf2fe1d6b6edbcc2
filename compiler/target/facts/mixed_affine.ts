/** A layer norm of which one of the two is constant. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { argument, atOp, isConstant, sites } from "./walk.ts";

export const mixedAffine = defineFact({
  id: "mixed_affine",
  statement: "`layer_norm` fails on M1 and M2 when just one of `gamma` and `beta` is a constant.",
  kind: "reject",
  ops: ["layer_norm"],
  chips: ["m1", "m2"],
  evidence: [reported("sbryngelson/ANEForge issue 149", "M2 Pro, macOS 26.5")],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      const [gamma, beta] = [argument(s, "gamma"), argument(s, "beta")];
      if (gamma === undefined || beta === undefined) continue;
      if (isConstant(view, gamma.value) === isConstant(view, beta.value)) continue;
      yield atOp(s, "one of `gamma` and `beta` is a constant and the other is not", "layer_norm");
    }
  },
  workaround: "make both constants or both inputs, or apply them after the norm",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      `${fp16("b", [64])}, ${fp16("x", [1, 1, 32, 64])}`,
      `${weight("g", [64])}\n${line("y", [1, 1, 32, 64], "layer_norm(x = x, axes = tensor<int32, [1]>([3]), gamma = g, beta = b)")}`,
    ),
    silent: program(
      `${fp16("b", [64])}, ${fp16("g", [64])}, ${fp16("x", [1, 1, 32, 64])}`,
      line(
        "y",
        [1, 1, 32, 64],
        "layer_norm(x = x, axes = tensor<int32, [1]>([3]), gamma = g, beta = b)",
      ),
    ),
  },
});
