/** Pooling on the in-memory path. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const pooling = defineFact({
  id: "pooling",
  statement: "`avg_pool`, `max_pool`, `l2_pool` and `batch_norm` are refused.",
  kind: "reject",
  ops: ["avg_pool", "max_pool", "l2_pool", "batch_norm"],
  evidence: [
    reported("jafreck/ironmill op support matrix", "refused, M3 Pro"),
    against("sbryngelson/ANEForge op catalog", "compared with a CPU through e5rt, M1 to M5"),
    against("751K M6 study, dispatch notes", "`max_pool` placed on the engine, M4, macOS 27"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, `\`${s.op}\` may be refused`, s.op);
  },
  workaround:
    "pool with `reduce_mean` or `reduce_max` after a reshape; fold a batch norm into the convolution before it",
  emulator: "accepts them",
  examples: {
    fires: program(
      fp16("x", [1, 8, 2, 64]),
      line(
        "y",
        [1, 8, 1, 32],
        'max_pool(x = x, kernel_sizes = tensor<int32, [2]>([2, 2]), strides = tensor<int32, [2]>([2, 2]), pad_type = string("valid"))',
      ),
    ),
    silent: program(
      fp16("x", [1, 8, 2, 32]),
      line(
        "y",
        [1, 8, 1, 32],
        "reduce_max(x = x, axes = tensor<int32, [1]>([2]), keep_dims = bool(true))",
      ),
    ),
  },
});
