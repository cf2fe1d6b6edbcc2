/** Boxes of images. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const cropResizeSupport = defineFact({
  id: "crop_resize_support",
  statement: "`crop_resize` is refused.",
  kind: "reject",
  ops: ["crop_resize"],
  evidence: [
    reported("751K M6 study, dispatch notes", "not in Apple's supported set, M4, macOS 27"),
    against("sbryngelson/ANEForge op catalog", "the texture engine has it from the A14 class on"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, "`crop_resize` may be refused", s.op);
  },
  apple: 'Unsupported MIL operation "crop_resize".',
  workaround: "cut with `slice_by_size` and use `resize_bilinear`, or do it on the host",
  emulator: "refuses the program with Apple's text",
  examples: {
    fires: program(
      `${fp16("roi", [1, 1, 4, 1, 1])}, ${fp16("x", [1, 8, 16, 32])}`,
      line(
        "y",
        [1, 1, 8, 8, 32],
        "crop_resize(x = x, roi = roi, target_height = int32(8), target_width = int32(32))",
      ),
    ),
    silent: program(
      fp16("x", [1, 8, 16, 32]),
      line(
        "y",
        [1, 8, 8, 32],
        "crop(x = x, crop_height = tensor<int32, [2]>([4, 4]), crop_width = tensor<int32, [2]>([0, 0]))",
      ),
    ),
  },
});
