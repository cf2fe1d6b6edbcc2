/** Resizing and sorting came with M2. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const OPS = ["affine", "crop_resize", "resample", "resize", "resize_bilinear", "upsample_bilinear"];

export const textureOps = defineFact({
  id: "texture_ops",
  statement: "Resizing between pixels, affine maps and sorting need M2 or later.",
  kind: "reject",
  ops: OPS,
  chips: ["m1"],
  evidence: [
    reported(
      "sbryngelson/ANEForge op catalog",
      "the texture engine and sorting start with the A14 class; M1 does `resize_nearest_neighbor` in software",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, `${c.chip} has no \`${s.op}\``, s.op);
  },
  workaround: "do it on the host, or upsample with `upsample_nearest_neighbor`",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      fp16("x", [1, 8, 16, 32]),
      line(
        "y",
        [1, 8, 32, 64],
        "resize_bilinear(x = x, target_size_height = int32(32), target_size_width = int32(64))",
      ),
    ),
    silent: program(
      fp16("x", [1, 8, 16, 32]),
      line(
        "y",
        [1, 8, 32, 64],
        "upsample_nearest_neighbor(x = x, scale_factor_height = int32(2), scale_factor_width = int32(2))",
      ),
    ),
  },
});
