/** Whether a product of constant weights is faster as a convolution. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { argument, atOp, isConstant, sites } from "./walk.ts";

export const bareMatmul = defineFact({
  id: "bare_matmul",
  statement:
    "A 1×1 `conv` with constant weights is about three times as fast as the same `matmul`.",
  kind: "cost",
  ops: ["matmul"],
  evidence: [
    reported("mechramc/Orion README", "about three times, M4 Max"),
    reported("maderix/ANE", "the same, M4"),
    against("751K M6 study", "Apple's compiler turns products into convolutions itself"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      if (isConstant(view, argument(s, "y")?.value))
        yield atOp(s, "this product could be a 1×1 `conv`", "constant weights");
    }
  },
  workaround: "lay activations out as [1, C, 1, S] and use `conv` with weights [O, C, 1, 1]",
  emulator: "counts both alike",
  examples: {
    fires: program(
      fp16("x", [1, 1, 32, 64]),
      `${weight("w", [64, 64])}\n${line("y", [1, 1, 32, 64], "matmul(x = x, y = w)")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${weight("w", [64, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
    ),
  },
});
