/** `exact` and `fast` op by op, in programs. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type EngineOptions,
  interpretMil,
  type Numerics,
} from "../../../compiler/mil/interpret.ts";
import { roundHalfAway } from "../../../compiler/mil/numerics/half_away.ts";
import { STORED, TABLES } from "../../../compiler/mil/numerics/tables.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { erfOf } from "../../../compiler/ops/erf.ts";
import { halfBits, halfValue, roundToHalf } from "../../../compiler/support/half.ts";
import { macOracle } from "../../support/mac_oracle.ts";

const INF = Number.POSITIVE_INFINITY;

/** `y` of a function whose body is `result`. */
function run(
  ports: string,
  result: string,
  inputs: Readonly<Record<string, readonly number[]>>,
  numerics: Numerics = "exact",
  engine: EngineOptions = {},
): number[] {
  const text = `program(1.3) { func main<ios18>(${ports}) { ${result}; } -> (y); }`;
  const program = parseMil({ path: "test.mil", text });
  const given = Object.entries(inputs).map(([name, v]) => [name, Float64Array.from(v)]);
  const options = { numerics, engine };
  return [...interpretMil(program, Object.fromEntries(given), options).get("y")!.data];
}

const mac = (xs: readonly number[], ws: readonly number[], bias = 0): number =>
  macOracle(xs.map(halfBits), ws.map(halfBits), halfBits(bias));

test.each<[string, number, number, number]>([
  ["add", 40000, 1, 40000],
  ["add", 65504, 0, 65504],
  ["add", 65504, 65504, INF],
  ["mul", 256, 256, INF],
  ["add", 2048, 1, 2050],
  ["add", -4096, -2, -4100],
  ["add", 2 ** -24, 0, 2 ** -24],
  ["mul", 2 ** -12, 2 ** -12, 2 ** -24],
  ["mul", 2 ** -13, 2 ** -12, 2 ** -24],
  ["add", Number.NaN, 1, INF],
  ["mul", INF, -0.8, -52416],
  ["sub", INF, INF, 0],
  ["maximum", -INF, -65504, -65504],
])("%s of %j and %j", (op, a, b, expected) => {
  expect(run("fp16 a, fp16 b", `fp16 y = ${op}(x = a, y = b)`, { a: [a], b: [b] })).toEqual([
    expected,
  ]);
});

test("moving ops move bits", () => {
  const x = [Number.NaN, INF, -0, 2 ** -24];
  const ports = "tensor<fp16, [2, 2]> x";
  const cond = "cond = tensor<bool, [2, 2]>([true, true, true, true])";
  for (const call of [
    "identity(x = x)",
    "concat(values = (x), axis = 0)",
    `select(${cond}, a = x, b = x)`,
  ])
    expect(run(ports, `tensor<fp16, [2, 2]> y = ${call}`, { x })).toEqual(x);
});

test("inputs and constants are rounded to the even number, results away from zero", () => {
  const body = "fp16 c = const()[val = fp16(2049)]; fp16 y = identity(x = c)";
  expect(run("fp16 x", body, { x: [0] })).toEqual([2048]);
  expect(run("fp16 x", "fp16 y = identity(x = x)", { x: [2049] })).toEqual([2048]);
  expect(run("fp16 x", "fp16 y = add(x = x, y = fp16(1))", { x: [2048] })).toEqual([2050]);
  expect(run("fp16 x", "fp16 y = add(x = x, y = fp16(1))", { x: [2048] }, "fp16")).toEqual([2048]);
});

const sums = fc.record({
  m: fc.integer({ min: 1, max: 4 }),
  k: fc.integer({ min: 1, max: 20 }),
  n: fc.integer({ min: 1, max: 4 }),
  seed: fc.array(
    fc
      .tuple(fc.integer({ min: -2047, max: 2047 }), fc.integer({ min: -16, max: -4 }))
      .map(([f, e]) => f * 2 ** e),
    { minLength: 164, maxLength: 164 },
  ),
});

test("matmul, linear, einsum and 1×1 convolutions are the same sums", () => {
  fc.assert(
    fc.property(sums, ({ m, k, n, seed }) => {
      const x = seed.slice(0, m * k);
      const w = seed.slice(80, 80 + n * k);
      const bias = seed.slice(160, 160 + n);
      const rows = (from: number): number[] =>
        Array.from({ length: m * n }, (_, at) => {
          const [i, j] = [Math.floor(at / n), at % n];
          const b = from === 0 ? 0 : bias[j]!;
          return mac(x.slice(i * k, (i + 1) * k), w.slice(j * k, (j + 1) * k), b);
        });
      const ports = `tensor<fp16, [${m}, ${k}]> x, tensor<fp16, [${n}, ${k}]> w, tensor<fp16, [${n}]> b`;
      const inputs = { x, w, b: bias };
      const y = `tensor<fp16, [${m}, ${n}]> y`;
      const plain = rows(0);
      const called = (call: string) => run(ports, `${y} = ${call}`, inputs);
      expect(called("matmul(x = x, y = w, transpose_x = false, transpose_y = true)")).toEqual(
        plain,
      );
      expect(called(`einsum(values = (x, w), equation = string("mk,nk->mn"))`)).toEqual(plain);
      expect(called("linear(x = x, weight = w, bias = b)")).toEqual(rows(1));
      const images = `tensor<fp16, [1, ${k}, ${m}]> x, tensor<fp16, [${n}, ${k}, 1]> w, tensor<fp16, [${n}]> b`;
      const turned = Array.from(
        { length: k * m },
        (_, at) => x[(at % m) * k + Math.floor(at / m)]!,
      );
      const image = run(
        images,
        `tensor<fp16, [1, ${n}, ${m}]> y = conv(x = x, weight = w, bias = b)`,
        { ...inputs, x: turned },
      );
      const back = Array.from(
        { length: n * m },
        (_, at) => rows(1)[(at % m) * n + Math.floor(at / m)]!,
      );
      expect(image).toEqual(back);
    }),
    { numRuns: 60 },
  );
});

/** Whole numbers give one answer in every numerics: indices, padding, groups and strides are right. */
test.each([
  'conv(x = x, weight = w, pad_type = string("same"), groups = 2)',
  'conv(x = x, weight = w, strides = [2, 1], pad_type = string("custom"), pad = [1, 2, 0, 1], dilations = [1, 2], groups = 2)',
  "conv_transpose(x = x, weight = v, strides = [2, 3], groups = 2)",
  'conv_transpose(x = x, weight = v, strides = [2, 1], pad_type = string("custom"), pad = [1, 0, 0, 1], dilations = [1, 2], groups = 2, bias = b)',
  'conv_transpose(x = x, weight = v, strides = [2, 2], pad_type = string("same"), groups = 2)',
])("%s of whole numbers", (call) => {
  const whole = (n: number, by: number) => Array.from({ length: n }, (_, i) => ((i * by) % 11) - 5);
  const inputs = {
    x: whole(2 * 4 * 5 * 6, 7),
    w: whole(6 * 2 * 3 * 2, 3),
    v: whole(4 * 3 * 3 * 2, 5),
    b: whole(6, 2),
  };
  const ports =
    "tensor<fp16, [2, 4, 5, 6]> x, tensor<fp16, [6, 2, 3, 2]> w, tensor<fp16, [4, 3, 3, 2]> v, tensor<fp16, [6]> b";
  const shape = "tensor<fp16, [?, ?, ?, ?]>";
  const ideal = run(ports, `${shape} y = ${call}`, inputs, "ideal");
  expect(run(ports, `${shape} y = ${call}`, inputs)).toEqual(ideal.map((v) => v + 0));
  expect(run(ports, `${shape} y = ${call}`, inputs, "fast")).toEqual(ideal);
});

test("attention multiplies in fixed point", () => {
  const ports = "tensor<fp16, [1, 2, 4]> q, tensor<fp16, [1, 3, 4]> k, tensor<fp16, [1, 3, 2]> v";
  const call = "scaled_dot_product_attention(query = q, key = k, value = v)";
  const q = [1, 0, 0, 0, 0, 1, 0, 0];
  const k = [40, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0];
  const inputs = { q, k, v: [2 ** -9, 3, 5, 2 ** -17, 0, 0] };
  // Scores of 20, 0 and 0: weights of 1 and, in fp16, 2^-24 or 0; a product of 2^-9 stays.
  const y = run(ports, `tensor<fp16, [1, 2, 2]> y = ${call}`, inputs);
  expect(y).toEqual([2 ** -9, 3, 5, 2 ** -16]);
});

test.each<[keyof typeof TABLES, (x: number) => number, number, number]>([
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), 16, 3.4e-3],
  ["tanh", Math.tanh, 16, 1.65e-3],
  ["erf", erfOf, 16, 8.9e-4],
  ["sin", Math.sin, 16, 6.6e-4],
])("%s is as far off as published", (name, f, end, bound) => {
  let worst = 0;
  for (let bits = 0; halfValue(bits) <= end; bits++) {
    for (const x of [halfValue(bits), -halfValue(bits)])
      worst = Math.max(worst, Math.abs(roundHalfAway(TABLES[name](x)) - f(x)));
  }
  expect(worst).toBeLessThan(bound);
  expect(worst).toBeGreaterThan(bound * 0.95);
});

test.each<["sqrt" | "rsqrt", (x: number) => number, number]>([
  ["sqrt", Math.sqrt, 1.2],
  ["rsqrt", (x) => 1 / Math.sqrt(x), 2.1],
])("%s is as many units off as published", (name, f, bound) => {
  let worst = 0;
  for (let bits = 0x0400; bits < 0x7c00; bits++) {
    const right = f(halfValue(bits));
    const unit = 2 ** (Math.floor(Math.log2(right)) - 10);
    worst = Math.max(worst, Math.abs(roundHalfAway(TABLES[name](halfValue(bits))) - right) / unit);
  }
  expect(worst).toBeLessThan(bound);
  expect(worst).toBeGreaterThan(bound * 0.95);
});

test("published values of tables", () => {
  const of = (call: string, x: number) => run("fp16 x", `fp16 y = ${call}`, { x: [x] })[0]!;
  const gelu = (mode: string) => `gelu(x = x, mode = string("${mode}"))`;
  for (const x of [-3.3, 0, 0.25, 1.1])
    expect(of(gelu("EXACT"), x)).toBe(of(gelu("TANH_APPROXIMATION"), x));
  expect(of(gelu("EXACT"), 0)).toBe(roundToHalf(STORED.gelu[0]));
  expect(of(gelu("EXACT"), 0)).toBeCloseTo(-0.000754, 6);
  expect(of(gelu("EXACT"), 0.25)).toBeCloseTo(0.1436, 4);
  expect(of("silu(x = x)", 0.5)).toBeCloseTo(0.296, 3);
  expect(of("log(x = x, epsilon = fp16(0))", INF)).toBe(0);
  expect(of("softplus(x = x)", INF)).toBe(0);
  expect(of("cos(x = x)", INF)).toBe(0);
  expect(of("sigmoid(x = x)", Number.NaN)).toBe(of("sigmoid(x = x)", 8));
});

test("sums of many elements are wide unless they are asked to round", () => {
  const sum = (op: string, x: readonly number[], engine: EngineOptions = {}) =>
    run(
      `tensor<fp16, [${x.length}]> x`,
      `fp16 y = ${op}(x = x, keep_dims = false)`,
      { x },
      "exact",
      engine,
    );
  expect(sum("reduce_sum", [2048, 1, 1])).toEqual([2050]);
  expect(sum("reduce_sum", [2048, 1, 1], { sums: "half" })).toEqual([2052]);
  expect(sum("reduce_sum", [2049 - 7, 1, 1, 1, 1, 1, 1, 1])).toEqual([2050]);
  expect(sum("reduce_mean", [2048, 1, 1, 2], { sums: "half" })).toEqual([513.5]);
});

test("slices inside the last axis overflow on M1 and M2", () => {
  const ports = "tensor<fp16, [2, 2]> x";
  const x = [5000, 4094, -4096, -4096];
  const at = (begin: string, chip: "m1_max" | "m2" | "m4") =>
    run(
      ports,
      `tensor<fp16, [1, 1]> y = slice_by_size(x = x, begin = ${begin}, size = [1, 1])`,
      { x },
      "exact",
      { chip },
    );
  expect(at("[0, 1]", "m2")).toEqual([4094]);
  expect(at("[1, 1]", "m1_max")).toEqual([-INF]);
  expect(at("[1, 0]", "m2")).toEqual([-4096]);
  expect(at("[1, 1]", "m4")).toEqual([-4096]);
  const index = "slice_by_index(x = x, begin = [0, -1], end = [2, 2])";
  const y = "tensor<fp16, [2, 1]> y";
  expect(run(ports, `${y} = ${index}`, { x }, "exact", { chip: "m1" })).toEqual([4094, -INF]);
});

test("int8 by int8 adds up whole numbers and scales once", () => {
  const k = 300;
  const [x, w] = [new Array<number>(k).fill(127), new Array<number>(k).fill(-127)];
  const ports = `tensor<int8, [1, ${k}]> x, tensor<int8, [2, ${k}]> w`;
  const body = (zero: string, scale: string) =>
    `tensor<fp16, [1, ${k}]> a = dequantize(input = x, scale = fp16(0.5)${zero});
     tensor<fp16, [2, ${k}]> b = dequantize(input = w, scale = ${scale});
     tensor<fp16, [1, 2]> y = matmul(x = a, y = b, transpose_x = false, transpose_y = true)`;
  const inputs = { x, w: [...w, ...w] };
  const s = 127 * 127 * k;
  const perRow = "tensor<fp16, [2]>([0.015625, 0.0078125]), axis = 0";
  // −37,800 and −18,900: further than 32,768, where fp16 products end.
  expect(run(ports, body("", perRow), inputs)).toEqual([
    roundHalfAway(-s / 128),
    roundHalfAway(-s / 256),
  ]);
  const shifted = run(ports, body(", zero_point = int8(27)", perRow), inputs);
  expect(shifted[0]).toBe(roundHalfAway((-100 * 127 * k) / 128));
  expect(run(ports, body("", "fp16(32)"), inputs)).toEqual([-INF, -INF]);
  // A scale for each element of the sum leaves no integers.
  const along = `tensor<fp16, [${k}]>([${new Array(k).fill("0.015625").join(", ")}]), axis = 1`;
  expect(run(ports, body("", along), inputs)).toEqual([-INF, -INF]);
});

test("halves are quantised away from zero", () => {
  const quantize = `tensor<int8, [4]> y = quantize(input = x, scale = fp16(1), output_dtype = string("int8"))`;
  const x = [0.5, 2.5, -2.5, 300];
  expect(run("tensor<fp16, [4]> x", quantize, { x })).toEqual([1, 3, -3, 127]);
  expect(run("tensor<fp16, [4]> x", quantize, { x }, "fp16")).toEqual([0, 2, -2, 127]);
});

test("fast adds up in fp32", () => {
  const ports = "tensor<fp16, [1, 3]> x, tensor<fp16, [3, 1]> w";
  const call = "tensor<fp16, [1, 1]> y = matmul(x = x, y = w)";
  const inputs = { x: [2048, 2 ** -14, -2048], w: [2048, 1, 2048] };
  expect(run(ports, call, inputs, "fast")).toEqual([0]);
  expect(run(ports, call, inputs, "fp16")).toEqual([2 ** -14]);
});

test("nothing below 2^-17 has a root, a logarithm or an inverse", () => {
  const of = (op: string, x: number, epsilon: number): number =>
    run("fp16 x", `fp16 y = ${op}(x = x, epsilon = fp16(${epsilon}))`, { x: [x] })[0]!;
  const below = 2 ** -17 - 2 ** -24;
  expect(["rsqrt", "inverse", "log"].map((op) => of(op, below, 0))).toEqual([INF, INF, -INF]);
  expect(of("inverse", -below, 0)).toBe(-INF);
  // 2^-17 itself has, and so has what epsilon lifts up to it; its inverse leaves fp16.
  expect(of("rsqrt", 2 ** -17, 0)).toBe(roundHalfAway(2 ** 8.5));
  expect(of("rsqrt", below, 2 ** -24)).toBe(roundHalfAway(2 ** 8.5));
  expect(of("log", 2 ** -17, 0)).toBe(roundHalfAway(-17 * Math.LN2));
  expect(["rsqrt", "log"].map((op) => of(op, -1, 0))).toEqual([Number.NaN, Number.NaN]);
});

test("reduce_log_sum_exp is the logarithm of a stored sum of stored exponentials", () => {
  const ports = "tensor<fp16, [32]> x";
  const whole = "tensor<fp16, [1]> y = reduce_log_sum_exp(x = x, axes = [0], keep_dims = true)";
  const parts = `tensor<fp16, [32]> e = exp(x = x);
    tensor<fp16, [1]> s = reduce_sum(x = e, axes = [0], keep_dims = true);
    tensor<fp16, [1]> y = log(x = s, epsilon = fp16(0))`;
  const anyNumber = fc.integer({ min: 0, max: 65535 }).map(halfValue);
  const usual = fc.integer({ min: -4096, max: 4096 }).map((n) => n / 256);
  const row = fc.oneof(anyNumber, usual);
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 32, maxLength: 32 }),
      fc.constantFrom("wide" as const, "half" as const),
      (x, sums) => {
        const [a, b] = [whole, parts].map((body) => run(ports, body, { x }, "exact", { sums }));
        expect(a).toEqual(b);
      },
    ),
  );
  // Of 32 equal numbers it is right up to ln(65504 / 32) = 7.62.
  const at = (x: number): number => run(ports, whole, { x: Array<number>(32).fill(x) })[0]!;
  expect(at(7.5)).toBeCloseTo(7.5 + Math.log(32), 1);
  expect(at(7.75)).toBe(0);
});

test("constants of int8 beyond 4,094 are infinities outside of products", () => {
  const read = (body: string, chip: "m1" | "m2_pro" | "m3" | "m4" | "m5_max"): number[] =>
    run(
      "tensor<fp16, [2, 2]> x",
      `tensor<fp16, [2, 2]> c = constexpr_affine_dequantize(quantized_data = tensor<int8, [2, 2]>([127, 31, 32, -100]), scale = fp16(128), zero_point = int8(0), axis = int32(0));
       tensor<fp16, [2, 2]> y = ${body}`,
      { x: [1, 0, 0, 1] },
      "exact",
      { chip },
    );
  const all = [127, 31, 32, -100].map((q) => q * 128);
  for (const chip of ["m1", "m2_pro", "m5_max"] as const)
    expect(read("add(x = c, y = fp16(0))", chip)).toEqual([INF, 31 * 128, INF, -INF]);
  for (const chip of ["m3", "m4"] as const)
    expect(read("add(x = c, y = fp16(0))", chip)).toEqual(all);
  expect(read("matmul(x = x, y = c)", "m1")).toEqual(all);
});
