/** Scatter exists only on the small engines. */
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const scatterOps = defineFact({
  id: "scatter_ops",
  statement: "`scatter` and its kin are refused by the engines of Macs.",
  kind: "reject",
  ops: ["scatter", "scatter_nd", "scatter_along_axis"],
  evidence: [
    reported("751K M6 study, dispatch notes", "Apple's own text, M4, macOS 27"),
    reported("jafreck/ironmill op support matrix", "all three forms refused, M3 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, `\`${s.op}\` is refused`, s.op);
  },
  apple: "scatter MIL op is currently only supported on uANE targets (u1-u4)",
  workaround: "scatter on the host, or multiply by a one-hot matrix",
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(
      `${fp16("x", [64, 32])}, ${fp16("u", [4, 32])}`,
      `${constant("tensor<uint16, [4]>", "at", "[0, 5, 9, 11]")}\n${line("y", [64, 32], 'scatter(data = x, indices = at, updates = u, axis = int32(0), mode = string("add"))')}`,
    ),
    silent: program(
      `${fp16("x", [64, 32])}, ${fp16("u", [64, 64])}`,
      line(
        "y",
        [64, 32],
        "matmul(x = u, y = x, transpose_x = bool(false), transpose_y = bool(false))",
      ),
    ),
  },
});
