/** Weights as indices into a table. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const palette = `tensor<fp16, [64, 64, 1, 1]> w = constexpr_lut_to_dense(indices = tensor<uint4, [64, 64, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), lut = tensor<fp16, [1, 1, 1, 1, 16, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(2176))));`;
const conv = line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`);

export const paletteWeights = defineFact({
  id: "palette_weights",
  statement:
    "`constexpr_lut_to_dense` and other weights of four bits or fewer are refused by the in-memory path.",
  kind: "reject",
  ops: ["constexpr_lut_to_dense", "constexpr_lut_to_sparse"],
  evidence: [
    reported("jafreck/ironmill", "int4 and uint4 refused in every form, M3 Pro"),
    reported("ddalcu/mlx-serve", "ANECCompile() FAILED, macOS 26"),
    against(
      "joshuaswarren/mil-hwx-compiler",
      "194 of them in one program compile for M1 and M2, stay packed, and run",
    ),
    against("sbryngelson/ANEForge", "through e5rt, M1 to M5"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops))
      yield atOp(s, "these packed weights may be refused", s.op);
  },
  workaround: "use int8 weights with `constexpr_affine_dequantize`, which all paths take",
  emulator: "accepts them",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), `${palette}\n${conv}`),
    silent: program(fp16("x", [1, 64, 1, 32]), `${weight("w", [64, 64, 1, 1])}\n${conv}`),
  },
});
