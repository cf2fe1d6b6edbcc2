/** Parameters are written in the program, never in a weight file. */
import { MIL_OPS } from "../../mil/ops.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program, weight } from "./examples.ts";
import { atArgument, isBlob, sites } from "./walk.ts";

const PARAMETERS = [
  "axes",
  "axis",
  "shape",
  "perm",
  "begin",
  "end",
  "size",
  "stride",
  "reps",
  "pad",
  "strides",
  "dilations",
];

const OPS = MIL_OPS.filter((op) => op.args.some((a) => PARAMETERS.includes(a.name)));

export const integerParameters = defineFact({
  id: "integer_parameters",
  statement:
    "Axes, shapes, permutations and the like are read when the program is compiled; a BLOBFILE in their place is refused.",
  kind: "reject",
  ops: OPS.map((op) => op.name),
  evidence: [
    reported("jafreck/ironmill MIL text emitter", "parameters had to be written inline, M3 Pro"),
  ],
  *check(c): Generator<Finding> {
    for (const { view, s } of sites(c)) {
      for (const { name, value } of s.args) {
        if (PARAMETERS.includes(name) && isBlob(view, value))
          yield atArgument(s, name, `\`${name}\` of \`${s.op}\` is in a weight file`, "BLOBFILE");
      }
    }
  },
  workaround: "write the numbers in the program",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${weight("perm", [4], 64, "int32")}\n${line("y", [1, 32, 1, 64], "transpose(x = x, perm = perm)")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${constant("tensor<int32, [4]>", "perm", "[0, 3, 2, 1]")}\n${line("y", [1, 32, 1, 64], "transpose(x = x, perm = perm)")}`,
    ),
  },
});
