/** Programs without a product. */
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";

const PRODUCTS = [
  "matmul",
  "conv",
  "linear",
  "conv_transpose",
  "einsum",
  "scaled_dot_product_attention",
];

export const elementwiseOnly = defineFact({
  id: "elementwise_only",
  statement:
    "A program without a product can be left on the CPU, and then loading it on the engine fails.",
  kind: "warn",
  evidence: [reported("electricapp/ane-bridge-rs", "elementwise programs refused at load, M5")],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      if (f.body.some((s) => PRODUCTS.includes(s.op)) || f.body.every((s) => s.op === "const"))
        continue;
      yield { title: `function \`${f.name}\` has no product`, span: f.span };
    }
  },
  workaround: "put the ops into the program whose result they use",
  emulator: "accepts it",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${weight("w", [64, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
    ),
  },
});
