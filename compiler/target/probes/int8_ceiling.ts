/** A constant of int8 that is unpacked to 6,400 and added, not multiplied. */
import { fp16, line, program } from "../facts/examples.ts";
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, runText } from "./steps.ts";

const [C, W] = [4, 32];
const shape = [1, C, 1, W];
const packed = `tensor<int8, [${shape.join(", ")}]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64)))`;
const text = program(
  fp16("x", shape),
  [
    `tensor<fp16, [${shape.join(", ")}]> c = constexpr_affine_dequantize()[axis = int32(0), name = string("c"), quantized_data = ${packed}, scale = fp16(0x1.9p12), zero_point = int8(0)];`,
    line("y", shape, "add(x = x, y = c)"),
  ].join("\n"),
);

export const int8Ceiling = defineProbe({
  name: "int8_ceiling",
  asks: "Does a value that is unpacked from int8 become an infinity beyond 4,094?",
  steps: () => [runText("sum", text, { x: filled(C * W, () => 0) })],
  claims: [
    factClaim("int8_ceiling", {
      holds: "an infinity",
      otherwise: "6,400",
      needs: ["sum"],
      read: (o) =>
        matching({ y: outputOf(o, "sum")[0]! }, { "an infinity": [Infinity], "6,400": [6400] }),
    }),
  ],
});
