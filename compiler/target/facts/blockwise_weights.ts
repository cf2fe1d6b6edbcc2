/** Weights with a scale for each block. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const blockwise = `tensor<fp16, [64, 64, 1, 1]> w = constexpr_blockwise_shift_scale(data = tensor<int4, [64, 64, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), scale = tensor<fp16, [64, 2, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(2176))));`;
const conv = line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments()})`);

export const blockwiseWeights = defineFact({
  id: "blockwise_weights",
  statement: "`constexpr_blockwise_shift_scale` is refused by the in-memory path.",
  kind: "reject",
  ops: ["constexpr_blockwise_shift_scale"],
  evidence: [
    reported("mlxfast", "InvalidMILProgram"),
    reported("ddalcu/mlx-serve", "crashes the compile helper, macOS 26"),
    reported("jafreck/ironmill", "all int4 probes refused, M3 Pro"),
    against("joshuarossi/mlx-bun", "emits it with int8 data and a scale of [N, 1, 1, 1], M4 Pro"),
    against("sbryngelson/ANEForge", "through e5rt, when a `+ 0` stands before the product"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops))
      yield atOp(s, "blockwise weights may be refused", "blockwise");
  },
  workaround: "use int8 weights with one scale for each row, `constexpr_affine_dequantize`",
  emulator: "accepts them",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), `${blockwise}\n${conv}`),
    silent: program(fp16("x", [1, 64, 1, 32]), `${weight("w", [64, 64, 1, 1])}\n${conv}`),
  },
});
