/** How wide a pooling window may be. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, ints, sites } from "./walk.ts";

const call = (width: number): string =>
  `max_pool(x = x, kernel_sizes = tensor<int32, [2]>([1, ${width}]), strides = tensor<int32, [2]>([1, ${width}]), pad_type = string("valid"))`;

export const poolWidth = defineFact({
  id: "pool_width",
  statement: "The window of `max_pool` is at most 8 wide; its height may be larger.",
  kind: "reject",
  ops: ["max_pool"],
  evidence: [
    reported("751K M6 study, dispatch notes", "9×1 passes and 1×9 does not, M4, macOS 27"),
    reported("electricapp/ane-bridge-rs", "8 at most, M5"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const width = ints(site, "kernel_sizes")?.at(-1) ?? 1;
      if (width > 8)
        yield atOp(site.s, `the window of \`max_pool\` is ${width} wide`, `${width} wide`);
    }
  },
  workaround: "pool twice, or swap the axes",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(fp16("x", [1, 8, 1, 512]), line("y", [1, 8, 1, 32], call(16))),
    silent: program(fp16("x", [1, 8, 1, 256]), line("y", [1, 8, 1, 32], call(8))),
  },
});
