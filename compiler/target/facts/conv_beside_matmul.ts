/** Convolutions and products in one program. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";

const conv = `${weight("w", [32, 64, 1, 1])}\n${line("h", [1, 32, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`;

export const convBesideMatmul = defineFact({
  id: "conv_beside_matmul",
  statement: "A program with both `conv` and `matmul` is refused.",
  kind: "reject",
  ops: ["conv", "matmul"],
  evidence: [
    reported("jafreck/ironmill", "one of its tests of combinations, M3 Pro"),
    against(
      "christopherkarani/Espresso sdpa_fwd_taps.mil",
      "four convolutions and two products, M3 Max",
    ),
    against("maderix/ANE sdpaFwd", "the same, M4"),
  ],
  *check({ functions }, ops): Generator<Finding> {
    for (const { f } of functions) {
      if (ops.every((op) => f.body.some((s) => s.op === op)))
        yield { title: `function \`${f.name}\` has both \`conv\` and \`matmul\``, span: f.span };
    }
  },
  workaround: "none is needed as far as most can tell",
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${conv}\n${line("y", [1, 32, 1, 1], "matmul(x = h, y = h, transpose_y = bool(true))")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${conv}\n${line("y", [1, 32, 1, 32], "relu(x = h)")}`,
    ),
  },
});
