/** int8 weights with fp16 activations. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const int8 = `tensor<fp16, [64, 64, 1, 1]> w = constexpr_affine_dequantize()[axis = int32(0), name = string("w"), quantized_data = tensor<int8, [64, 64, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), scale = fp16(0x1p-3), zero_point = int8(0)];`;
const conv = line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`);

export const int8WeightsOnly = defineFact({
  id: "int8_weights_only",
  statement:
    "Weights of int8 alone are computed in fp16 and gain no speed; int8 activations beside them nearly double it.",
  kind: "cost",
  ops: ["constexpr_affine_dequantize"],
  evidence: [
    reported("sbryngelson/ANEForge", "no gain, M5"),
    reported("maderix/ANE ane_int8_bench.m", "1.88 times with int8 activations, M4"),
    against("skyfallsin/ANE-LM", "1.27 times for 4 billion weights and 1.64 for 9, M3 Max"),
  ],
  *check(c, ops): Generator<Finding> {
    const quantized = [...sites(c, "quantize")].length > 0;
    for (const { s } of sites(c, ...ops))
      if (!quantized) yield atOp(s, "these int8 weights meet fp16 activations", "int8");
  },
  workaround: "put `quantize` and `dequantize` between layers",
  emulator: "counts the bytes of the weights only",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), `${int8}\n${conv}`),
    silent: program(fp16("x", [1, 64, 1, 32]), `${weight("w", [64, 64, 1, 1])}\n${conv}`),
  },
});
