/** Programs that compute nothing. */
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";

const MOVES = [
  "reshape",
  "transpose",
  "slice_by_size",
  "slice_by_index",
  "tile",
  "expand_dims",
  "squeeze",
  "concat",
  "split",
];

export const movementOnly = defineFact({
  id: "movement_only",
  statement:
    "A program that only moves data, such as one `reshape`, is refused or optimised to nothing.",
  kind: "warn",
  ops: MOVES,
  evidence: [
    reported(
      "jafreck/ironmill op support matrix",
      "reshape, tile and slice_by_index fail alone and work beside others, M3 Pro",
    ),
  ],
  *check({ functions }, ops): Generator<Finding> {
    for (const { f } of functions) {
      if (f.body.length > 0 && f.body.every((s) => s.op === "const" || ops.includes(s.op)))
        yield { title: `function \`${f.name}\` only moves data`, span: f.span };
    }
  },
  workaround: "do it on the host, or in the program that uses the result",
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${constant("tensor<int32, [2]>", "shape", "[64, 32]")}\n${line("y", [64, 32], "reshape(x = x, shape = shape)")}`,
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
