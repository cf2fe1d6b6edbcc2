/** The scales of int8 weights are a list. */
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program } from "./examples.ts";
import { atArgument, operand, sites } from "./walk.ts";

const text = (scale: string): string =>
  `tensor<fp16, [64, 64, 1, 1]> w = constexpr_affine_dequantize()[axis = int32(0), name = string("w"), quantized_data = tensor<int8, [64, 64, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), scale = tensor<fp16, ${scale}>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(4224))), zero_point = int8(0)];
   ${line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`;

export const dequantizeScale = defineFact({
  id: "dequantize_scale",
  statement:
    "The `scale` of `constexpr_affine_dequantize` is one number or a list; [N, 1, 1, 1] is refused.",
  kind: "reject",
  ops: ["constexpr_affine_dequantize"],
  evidence: [
    reported("maderix/h3.c-ane", "a list runs and [N, 1, 1, 1] does not, M4"),
    reported("sbryngelson/ANEForge", "writes a list of one scale for each output channel"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const rank = operand(site, "scale")?.shape.length ?? 0;
      if (rank > 1)
        yield atArgument(site.s, "scale", `the scale has ${rank} dimensions`, `rank ${rank}`);
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround: "write it as tensor<fp16, [N]>",
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), text("[64, 1, 1, 1]")),
    silent: program(fp16("x", [1, 64, 1, 32]), text("[64]")),
  },
});
