/**
 * A product of int8 with int8 whose sum, scaled, lies between 32,768 and 65,504: an infinity for products
 * of fp16, a number for sums of integers.
 *
 * Weights are 1 · 16, activations 127, and 20 of them add up to 40,640.
 */
import { constant, convArguments, fp16, line, program } from "../facts/examples.ts";
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, runText } from "./steps.ts";

const [C, W] = [20, 32];
const shape = [1, C, 1, W];
const weights = `tensor<fp16, [${C}, ${C}, 1, 1]> w = constexpr_affine_dequantize()[axis = int32(0), name = string("w"), quantized_data = tensor<int8, [${C}, ${C}, 1, 1]>(BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64))), scale = fp16(0x1p4), zero_point = int8(0)];`;
const text = program(
  fp16("x", shape),
  [
    constant("fp16", "s", "0x1p0"),
    constant("string", "to", '"int8"'),
    `tensor<int8, [${shape.join(", ")}]> q = quantize(input = x, output_dtype = to, scale = s)[name = string("q")];`,
    line("d", shape, "dequantize(input = q, scale = s)"),
    weights,
    line("y", shape, `conv(x = d, weight = w, ${convArguments()})`),
  ].join("\n"),
);

export const int8Sums = defineProbe({
  name: "int8_sums",
  asks: "Are products of int8 with int8 added up in integers?",
  steps: () => [runText("sums", text, { x: filled(C * W, () => 127) })],
  claims: [
    factClaim("int8_sums", {
      holds: "in integers",
      otherwise: "like fp16",
      needs: ["sums"],
      read: (o) =>
        matching(
          { y: outputOf(o, "sums")[0]! },
          { "in integers": [40640], "like fp16": [Infinity] },
        ),
    }),
  ],
});
