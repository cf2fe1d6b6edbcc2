/** Unpacked weights cannot be reshaped. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites, source } from "./walk.ts";

const int8 = `tensor<fp16, [64, 64]> w = constexpr_affine_dequantize()[axis = int32(0), name = string("w"), quantized_data = tensor<int8, [64, 64]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), scale = fp16(0x1p-3), zero_point = int8(0)];`;

export const unpackedReshape = defineFact({
  id: "unpacked_reshape",
  statement:
    "The result of a `constexpr_` op cannot be reshaped or transposed: it is unpacked inside the product that reads it.",
  kind: "reject",
  ops: ["reshape", "transpose", "squeeze", "expand_dims"],
  evidence: [reported("sbryngelson/ANEForge", "M1 to M5")],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      if ((source(site, "x")?.op ?? "").startsWith("constexpr_"))
        yield atOp(site.s, `\`${site.s.op}\` of packed weights`, site.s.op);
    }
  },
  workaround: "store the weights in the shape in which they are used",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      fp16("x", [1, 1, 32, 64]),
      `${int8}\n${line("r", [1, 1, 64, 64], "reshape(x = w, shape = tensor<int32, [4]>([1, 1, 64, 64]))")}\n${line("y", [1, 1, 32, 64], "matmul(x = x, y = r)")}`,
    ),
    silent: program(
      fp16("x", [1, 1, 32, 64]),
      `${int8}\n${line("y", [1, 1, 32, 64], "matmul(x = x, y = w)")}`,
    ),
  },
});
