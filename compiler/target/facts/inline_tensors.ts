/** Tensors written inline as operands. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { argument, atArgument, isBlob, isConstant, sites, tensorAt } from "./walk.ts";

const BINARY = ["add", "sub", "mul", "real_div", "maximum", "minimum"];

export const inlineTensors = defineFact({
  id: "inline_tensors",
  statement:
    "An elementwise op is refused when an operand is a tensor constant written in the text.",
  kind: "reject",
  ops: BINARY,
  evidence: [
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "0 of 12 compile, and 10 of 12 from a weight file, M1 and M2",
    ),
    against("maderix/ANE test_ane_sdpa5.m", "a causal mask of thousands of inline numbers, M4"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      for (const name of ["x", "y"]) {
        const value = argument(s, name)?.value;
        const size = tensorAt(view, value)?.shape.reduce((a, b) => a * b, 1) ?? 1;
        if (!isConstant(view, value) || isBlob(view, value) || size === 1) continue;
        yield atArgument(
          s,
          name,
          `\`${name}\` of \`${s.op}\` is a tensor written in the text`,
          `${size} numbers`,
        );
      }
    }
  },
  workaround: "put tensors into a weight file; scalars may stay in the text",
  emulator: "accepts both",
  examples: {
    fires: program(
      fp16("x", [1, 2, 1, 32]),
      `${constant("tensor<fp16, [1, 2, 1, 1]>", "b", "[0.5, 1]")}\n${line("y", [1, 2, 1, 32], "add(x = x, y = b)")}`,
    ),
    silent: program(
      fp16("x", [1, 2, 1, 32]),
      `${constant("fp16", "b", "0.5")}\n${line("y", [1, 2, 1, 32], "add(x = x, y = b)")}`,
    ),
  },
});
