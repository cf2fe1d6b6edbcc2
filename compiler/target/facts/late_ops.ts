/** Ops that one catalogue gives to later chips and others to none. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const OPS = ["random_uniform", "reduce_argmin", "reduce_argmax"];

export const lateOps = defineFact({
  id: "late_ops",
  statement: "`random_uniform`, `reduce_argmin` and `reduce_argmax` are refused.",
  kind: "reject",
  ops: OPS,
  evidence: [
    reported(
      "751K M6 study, dispatch notes",
      "random numbers are not in Apple's supported set, M4, macOS 27",
    ),
    reported("jafreck/ironmill op support matrix", "both reductions refused, M3 Pro"),
    against(
      "sbryngelson/ANEForge op catalog",
      "the A15 class, M3, has `random_uniform` and `reduce_argmin`; its own text form reaches neither",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      const apple = `Unsupported MIL operation "${s.op}".`;
      yield { ...atOp(s, `\`${s.op}\` may be refused`, s.op), apple };
    }
  },
  workaround: "do it on the host; `topk` with k = 1 gives places as uint16",
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      'tensor<uint16, [1, 64, 1, 1]> y = reduce_argmax(x = x, axis = int32(3), keep_dims = bool(true), output_dtype = string("uint16"));',
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      line(
        "y",
        [1, 64, 1, 1],
        "reduce_max(x = x, axes = tensor<int32, [1]>([3]), keep_dims = bool(true))",
      ),
    ),
  },
});
