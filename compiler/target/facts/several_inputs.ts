/** Requests with more than one input. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";

export const severalInputs = defineFact({
  id: "several_inputs",
  statement: "A request with several inputs fails with status 0x1d.",
  kind: "runtime",
  evidence: [
    reported("maderix/ANE README", "packs everything into one input for this reason, M4"),
    against("maderix/ANE pull 22", "weights as inputs, 77 instead of 110 ms a step"),
    against("mechramc/Orion", "three inputs in all orders, M4 Max"),
    against("joshuarossi/mlx-bun", "four inputs, M4 Pro"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      if (f.inputs.length > 1)
        yield {
          title: `function \`${f.name}\` has ${f.inputs.length} inputs`,
          span: f.inputs[1]!.span,
        };
    }
  },
  apple:
    "ANEProgramProcessRequestDirect() Failed with status=0x1d : statusType=0x9: Program Inference error",
  workaround:
    "none is needed when surfaces are bound by sorted name and rows are multiples of 64 bytes",
  emulator: "accepts them",
  examples: {
    fires: program(
      `${fp16("a", [1, 8, 1, 32])}, ${fp16("b", [1, 8, 1, 32])}`,
      line("y", [1, 8, 1, 32], "add(x = a, y = b)"),
    ),
    silent: program(fp16("a", [1, 8, 1, 32]), line("y", [1, 8, 1, 32], "add(x = a, y = a)")),
  },
});
