/**
 * The errors that ANEForge measured on devices (bench/device_saturation_sweep.py, equal on M1, M1 Max,
 * M2 Max, M4 Pro, M4 Max and M6 for products, on M1 … M4 Pro for convolutions), from its seeded inputs.
 */
import { expect, test } from "vitest";
import { interpretMil } from "../../compiler/mil/interpret.ts";
import { type Arithmetic, FAST } from "../../compiler/mil/numerics/arithmetic.ts";
import { convIn } from "../../compiler/mil/numerics/convolutions.ts";
import { multiplyExact } from "../../compiler/mil/numerics/mac.ts";
import { multiplyDouble } from "../../compiler/mil/numerics/multiply.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { roundToHalf } from "../../compiler/support/half.ts";
import { numpyNormal } from "../support/numpy_random.ts";

/** ‖found − exact‖ / ‖exact‖ */
function relativeError(found: Float64Array, exact: Float64Array): number {
  let [difference, size] = [0, 0];
  for (const [i, v] of exact.entries()) {
    difference += (found[i]! - v) ** 2;
    size += v * v;
  }
  return Math.sqrt(difference / size);
}

/** [n, n] of [n, n] transposed. */
function transposed(data: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[j * n + i] = data[i * n + j]!;
  return out;
}

// x and W are fp32(N(0, 1)) / √n; the first 256 rows of fp16(x) · fp16(W)ᵀ against fp64(x · Wᵀ).
test.each([
  [512, 0.00257800397023792],
  [1024, 0.005528352999597525],
])("a product of %i rows and columns", (n, device) => {
  const normal = numpyNormal(0);
  const draw = () =>
    normal(n * n).map((v) => Math.fround(Math.fround(v) / Math.fround(Math.sqrt(n))));
  const x = draw().subarray(0, 256 * n);
  const y = transposed(draw(), n);
  const size = { m: 256, k: n, n };
  const found = multiplyExact({ ...size, x: x.map(roundToHalf), y: y.map(roundToHalf) });
  const error = relativeError(found, multiplyDouble({ ...size, x, y }));
  expect(error).toBeCloseTo(device, 15);
});

const conv = (c: number): string =>
  `program(1.3) {
     func main<ios18>(tensor<fp16, [1, ${c}, 64, 64]> x, tensor<fp16, [${c}, ${c}, 3, 3]> w) {
       tensor<fp16, [1, ${c}, 64, 64]> y = conv(x = x, weight = w, pad_type = string("same"));
     } -> (y);
   }`;

/** Convolutions in float64, of numbers that are not rounded. */
const DOUBLE: Arithmetic = { ...FAST, multiply: multiplyDouble };

// x is fp32(N(0, 1)) of which the first of several images counts, w is fp32(N(0, 1)) · √(2 / 9C).
test.each([
  [64, 8, 3.671660721200674e-4],
  [128, 8, 3.7520404231831825e-4],
])("a 3×3 convolution of %i channels", (c, images, device) => {
  const normal = numpyNormal(1);
  const pixels = c * 64 * 64;
  const x = normal(images * pixels)
    .subarray(0, pixels)
    .map(Math.fround);
  const w = normal(c * c * 9).map((v) => Math.fround(v) * Math.sqrt(2 / (c * 9)));
  const program = parseMil({ path: "conv.mil", text: conv(c) });
  const found = interpretMil(program, { x, w }, { numerics: "exact" }).get("y")!;
  const operands = new Map([
    ["x", [{ element: "fp64", shape: [1, c, 64, 64], data: x }]],
    ["weight", [{ element: "fp64", shape: [c, c, 3, 3], data: w }]],
    ["pad_type", [{ element: "string", shape: [], text: "same", data: new Float64Array(0) }]],
  ] as const);
  const error = relativeError(found.data, convIn(DOUBLE)(operands, found));
  expect(error).toBeCloseTo(device, 16);
});
