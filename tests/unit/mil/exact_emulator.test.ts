/** The interpreter's `exact` and the emulator's, written apart from each other, bit for bit. */
import { expect, test } from "vitest";
import { interpretMil } from "../../../compiler/mil/interpret.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { halfValue, roundToHalf } from "../../../compiler/support/half.ts";
import { outputsOf, runNatively } from "../../support/mil_run.ts";
import { seeded } from "../../support/samples.ts";

const T = "tensor<fp16, [2, 3, 4, 8]>";
const PORTS = `${T} a, ${T} b, tensor<fp16, [4, 4]> m, tensor<fp16, [2, 3, 3, 3]> w, tensor<fp16, [2]> v`;
const SIZES = [192, 192, 16, 54, 2];

const each = (ops: string, call: (op: string) => string, type = T): readonly string[] =>
  ops.split(" ").map((op) => `${type} y = ${call(op)}`);

const bodies: readonly string[] = [
  ...each("add sub mul real_div maximum minimum pow", (op) => `${op}(x = a, y = b)`),
  ...each(
    "sigmoid tanh erf silu softplus exp exp2 sin cos sqrt abs square round floor relu neg sign",
    (op) => `${op}(x = a)`,
  ),
  ...each("rsqrt log inverse", (op) => `${op}(x = a, epsilon = fp16(0.001))`),
  ...each("rsqrt log inverse", (op) => `${op}(x = a, epsilon = fp16(0))`),
  ...each("EXACT TANH_APPROXIMATION", (mode) => `gelu(x = a, mode = string("${mode}"))`),
  ...each(
    "reduce_sum reduce_mean reduce_max reduce_sum_square reduce_l2_norm reduce_log_sum_exp",
    (op) => `${op}(x = a, axes = [-1], keep_dims = true)`,
    "tensor<fp16, [2, 3, 4, 1]>",
  ),
  `${T} y = softmax(x = a, axis = int32(-1))`,
  `${T} y = layer_norm(x = a, axes = [-1], epsilon = fp16(0.001))`,
  "tensor<fp16, [2, 3, 4, 4]> y = matmul(x = a, y = b, transpose_x = false, transpose_y = true)",
  `${T} y = scaled_dot_product_attention(query = a, key = b, value = b)`,
  `${T} y = scaled_dot_product_attention(query = a, key = b, value = b, attn_mask = m)`,
  `tensor<fp16, [2, 2, 4, 8]> y = conv(x = a, weight = w, bias = v, pad_type = string("same"))`,
  `tensor<int8, [2, 3, 4, 8]> q = quantize(input = a, scale = fp16(0.03), output_dtype = string("int8"));
   ${T} y = dequantize(input = q, scale = fp16(0.03))`,
];

/** Any bits, numbers of about 1, and small ones. */
const DRAWS: readonly ((random: () => number) => number)[] = [
  (random) => halfValue(Math.floor(random() * 65536)),
  (random) => roundToHalf(random() * 8 - 4),
  (random) => roundToHalf(random() * 0.02 - 0.01),
  (random) => roundToHalf(random() * 2 ** -14 - 2 ** -15),
];

/** 0 for −0. */
const plain = (data: Float64Array): readonly number[] => Array.from(data, (x) => x + 0);

/** Constants of int8 up to 12,700, read by products and by other ops. */
const INT8_READERS: readonly string[] = [
  "tensor<fp16, [2, 8]> y = add(x = a, y = c)",
  "tensor<fp16, [2, 8]> y = maximum(x = a, y = c)",
  "tensor<fp16, [2, 2]> y = matmul(x = a, y = c, transpose_y = true)",
  "tensor<fp16, [2, 8]> y = matmul(x = m, y = c)",
  "tensor<fp16, [2, 2]> y = linear(x = a, weight = c)",
];

test.each([false, true])("both halves read constants of int8 alike (overflow: %s)", (overflow) => {
  const values = Array.from({ length: 16 }, (_, i) => 16 * i - 113).join(", ");
  const inputs = [16, 4].map((n) => Float64Array.from({ length: n }, (_, i) => i / 4 - 1));
  const requests = INT8_READERS.map((body) => ({
    text: `program(1.3) { func main<ios18>(tensor<fp16, [2, 8]> a, tensor<fp16, [2, 2]> m) {
      tensor<fp16, [2, 8]> c = constexpr_affine_dequantize(quantized_data = tensor<int8, [2, 8]>([${values}]), scale = fp16(100), zero_point = int8(0), axis = int32(0));
      ${body}; } -> (y); }`,
    inputs,
    numerics: "exact" as const,
    int8Overflow: overflow,
  }));
  const answers = runNatively(requests);
  const infinite = requests.map(({ text }, i) => {
    const program = parseMil({ path: "test.mil", text });
    const engine = { chip: overflow ? ("m1" as const) : ("m4" as const) };
    const run = interpretMil(
      program,
      { a: inputs[0]!, m: inputs[1]! },
      { numerics: "exact", engine },
    );
    const mine = run.get("y")!.data;
    expect(plain(mine), text).toEqual(plain(outputsOf(answers[i]!)[0]!));
    return mine.some((x) => Math.abs(x) === Number.POSITIVE_INFINITY);
  });
  expect(infinite.slice(0, 2)).toEqual([overflow, overflow]);
});

test("both halves compute the same bits", () => {
  const cases = bodies.flatMap((body) => DRAWS.map((draw) => ({ body, draw })));
  const requests = cases.map(({ body, draw }, i) => {
    const random = seeded(100 + i);
    const inputs = SIZES.map((n) => Float64Array.from({ length: n }, () => draw(random)));
    const text = `program(1.3) { func main<ios18>(${PORTS}) { ${body}; } -> (y); }`;
    return { text, inputs, numerics: "exact" as const };
  });
  const answers = runNatively(requests);
  for (const [i, { text, inputs }] of requests.entries()) {
    const program = parseMil({ path: "test.mil", text });
    const named = Object.fromEntries(["a", "b", "m", "w", "v"].map((n, k) => [n, inputs[k]!]));
    const mine = interpretMil(program, named, { numerics: "exact" }).get("y")!.data;
    expect(plain(mine), cases[i]!.body).toEqual(plain(outputsOf(answers[i]!)[0]!));
  }
});
