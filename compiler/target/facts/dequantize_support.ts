/** int8 weights. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const int8 = `tensor<fp16, [64, 64, 1, 1]> w = constexpr_affine_dequantize()[axis = int32(0), name = string("w"), quantized_data = tensor<int8, [64, 64, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), scale = fp16(0x1p-3), zero_point = int8(0)];`;
const conv = line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`);

export const dequantizeSupport = defineFact({
  id: "dequantize_support",
  statement: "`constexpr_affine_dequantize` is refused.",
  kind: "reject",
  ops: ["constexpr_affine_dequantize"],
  evidence: [
    reported("christopherkarani/Espresso", "InvalidMILProgram, M3 Max, macOS 15"),
    against(
      "maderix/ANE ane_int8_bench.m",
      "runs at 1.9 times the speed of fp16 with int8 activations, M4",
    ),
    against("maderix/h3.c-ane", "385 million int8 weights in one program, M4"),
    against("skyfallsin/ANE-LM", "runs, M3 Max"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops))
      yield atOp(s, "one project reports that int8 weights are refused", "int8");
  },
  workaround: "none is needed as far as most can tell",
  emulator: "accepts it",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), `${int8}\n${conv}`),
    silent: program(fp16("x", [1, 64, 1, 32]), `${weight("w", [64, 64, 1, 1])}\n${conv}`),
  },
});
