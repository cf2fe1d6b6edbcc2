/**
 * The engine's arithmetic in the emulator's C++ half: the published examples bit for bit, and its fast
 * loops against a sum written out here, one product after another.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { outputsOf, runNatively } from "../support/mil_run.ts";
import { numpyNormal } from "../support/numpy_random.ts";

const INF = Number.POSITIVE_INFINITY;

/** The exponent 31 is a number. */
const decoded = (v: number): number =>
  Number.isNaN(v) ? 1.5 * 2 ** 16 : Number.isFinite(v) ? v : Math.sign(v) * 2 ** 16;

/** floor(log2 |v|), at least −14. */
function exponent(v: number): number {
  let e = -14;
  while (e < 16 && Math.abs(v) >= 2 ** (e + 1)) e += 1;
  return e;
}

/** The nearest fp16 number, halves away from zero. */
function halfAway(v: number): number {
  if (!Number.isFinite(v)) return v;
  const unit = 2 ** (exponent(v) - 10);
  const rounded = Math.sign(v) * Math.floor(Math.abs(v) / unit + 0.5) * unit;
  return Math.abs(rounded) >= 65536 ? Math.sign(v) * INF : rounded;
}

const units = (v: number): number => Math.sign(v) * Math.floor(Math.abs(v) * 65536 + 0.5);

/** bias + Σ x·w as the multiply-accumulate unit computes it. */
function mac(xs: readonly number[], ws: readonly number[], bias = 0): number {
  let sum = units(decoded(bias));
  for (let i = 0; i <= xs.length; i++) {
    if (Math.abs(sum) >= 2 ** 31) return Math.sign(sum) * INF;
    if (i === xs.length) break;
    const [x, w] = [decoded(xs[i]!), decoded(ws[i]!)];
    if (exponent(x) + exponent(w) >= -16) sum += units(x * w);
  }
  return halfAway(sum / 65536) + 0;
}

const text = (ports: string, result: string): string =>
  `program(1.3) { func main<ios18>(${ports}) { ${result}; } -> (y); }`;

const matmulText = (m: number, k: number, n: number): string =>
  text(
    `tensor<fp16, [${m}, ${k}]> x, tensor<fp16, [${k}, ${n}]> w`,
    `tensor<fp16, [${m}, ${n}]> y = matmul(x = x, y = w)`,
  );

const dot = (xs: readonly number[], ws: readonly number[]): number =>
  outputsOf(
    runNatively([{ text: matmulText(1, xs.length, 1), inputs: [xs, ws], numerics: "exact" }])[0]!,
  )[0]![0]!;

test.each<[readonly number[], readonly number[], number]>([
  [[16384, 16376], [1, 1], 32768], // finite
  [[16384, 16384], [1, 1], INF],
  [[16384, 2 ** -16, -16384], [1, 1, 1], 2 ** -16],
  [[16384, 2 ** -18, -16384], [1, 1, 1], 0],
  [[2 ** -17], [1], 2 ** -16], // subnormal numbers have the exponent −14
  [[2 ** -10], [2 ** -7], 0], // dropped: the exponents add up to −17
  [[2 ** -8], [2 ** -8], 2 ** -16],
  [[1.5 * 2 ** -8], [2 ** -8], 2 ** -15], // half a unit goes away from zero
  [[-1.5 * 2 ** -8], [2 ** -8], -(2 ** -15)],
  [[1.9990234375 * 2 ** -9], [1.9990234375 * 2 ** -8], 0], // dropped, though worth nearly 2 units
  [[2048, 1], [1, 1], 2050],
  [[-4096, -2], [1, 1], -4100],
  [[1, 2 ** -11], [1, 1], 1 + 2 ** -10],
  [[20000, 20000, -20000], [1, 1, 1], INF], // for good
  [[20000, -20000, 20000], [1, 1, 1], 20000],
  [[-20000, -20000, 20000], [1, 1, 1], -INF],
  [[INF], [0.25], 16384],
  [[Number.NaN], [2 ** -4], 6144],
  [[INF, -INF], [0.25, 0.25], 0],
  [[-1], [0], 0],
])("Σ %j · %j", (xs, ws, expected) => {
  expect(mac(xs, ws)).toBe(expected);
  expect(dot(xs, ws)).toBe(expected);
});

test("a bias is where the sum begins", () => {
  const linear = text(
    "tensor<fp16, [1, 2]> x, tensor<fp16, [1, 2]> w, tensor<fp16, [1]> b",
    "tensor<fp16, [1, 1]> y = linear(x = x, weight = w, bias = b)",
  );
  const cases = [
    { x: [20000, 20000], b: -10000, expected: 30000 },
    { x: [20000, -20000], b: 20000, expected: INF },
    { x: [0, 0], b: 2 ** -18, expected: 0 },
    { x: [0, 0], b: -(2 ** -17), expected: -(2 ** -16) },
    { x: [-1, -1], b: 40000, expected: INF },
  ];
  const answers = runNatively(
    cases.map(({ x, b }) => ({ text: linear, inputs: [x, [1, 1], [b]], numerics: "exact" })),
  );
  for (const [i, { x, b, expected }] of cases.entries()) {
    expect(mac(x, [1, 1], b)).toBe(expected);
    expect(outputsOf(answers[i]!)[0]![0]).toBe(expected);
  }
});

/** fp16 numbers: of all sizes, at the edges of the rules, and what is no number. */
const anyHalf = fc.oneof(
  fc
    .tuple(fc.integer({ min: -2047, max: 2047 }), fc.integer({ min: -24, max: 5 }))
    .map(([m, e]) => m * 2 ** e),
  fc.tuple(fc.constantFrom(-1, 1), fc.integer({ min: -24, max: 15 })).map(([s, e]) => s * 2 ** e),
  fc
    .tuple(fc.integer({ min: -2047, max: 2047 }), fc.integer({ min: -20, max: -10 }))
    .map(([m, e]) => m * 2 ** e),
  fc.constantFrom(0, 65504, -65504, INF, -INF, Number.NaN, 2 ** -24, 2047 * 2 ** -11),
);

const operands = fc
  .tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 35 }),
  )
  .chain(([m, k, n]) =>
    fc.record({
      m: fc.constant(m),
      k: fc.constant(k),
      n: fc.constant(n),
      x: fc.array(anyHalf, { minLength: m * k, maxLength: m * k }),
      w: fc.array(anyHalf, { minLength: k * n, maxLength: k * n }),
      scale: fc.constantFrom(0, -6, -12),
    }),
  );

/** Smaller operands, so that not every sum saturates. */
const scaled = (v: number, power: number): number =>
  Number.isFinite(v) ? halfAway(v * 2 ** power) : power === 0 ? v : 0;

test("products of matrices are those sums, for any operands", () => {
  const cases = fc.sample(operands, { numRuns: 300, seed: 5 }).map((c) => ({
    ...c,
    x: c.x.map((v) => scaled(v, c.scale)),
    w: c.w.map((v) => scaled(v, c.scale)),
  }));
  const requests = cases.flatMap(({ m, k, n, x, w }) =>
    [1, 2].map((threads) => ({
      text: matmulText(m, k, n),
      inputs: [x, w],
      numerics: "exact" as const,
      threads,
    })),
  );
  const answers = runNatively(requests);
  for (const [i, { m, k, n, x, w }] of cases.entries()) {
    const expected = Array.from({ length: m * n }, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      const ws = Array.from({ length: k }, (__, j) => w[j * n + column]!);
      return mac(x.slice(row * k, (row + 1) * k), ws);
    });
    for (const threads of [0, 1])
      expect([...outputsOf(answers[2 * i + threads]!)[0]!]).toEqual(expected);
  }
});

test("a convolution is that sum over channels and taps", () => {
  const [c, size, o] = [3, 6, 4];
  const cases = fc.sample(
    fc.tuple(
      fc.array(anyHalf, { minLength: c * size * size, maxLength: c * size * size }),
      fc.array(anyHalf, { minLength: o * c * 9, maxLength: o * c * 9 }),
    ),
    { numRuns: 20, seed: 9 },
  );
  const conv = text(
    `tensor<fp16, [1, ${c}, ${size}, ${size}]> x, tensor<fp16, [${o}, ${c}, 3, 3]> w`,
    `tensor<fp16, [1, ${o}, ${size}, ${size}]> y = conv(x = x, weight = w, pad_type = string("same"))`,
  );
  const small = cases.map(([x, w]) => [x.map((v) => scaled(v, -5)), w.map((v) => scaled(v, -5))]);
  const answers = runNatively(
    small.map((inputs) => ({ text: conv, inputs, numerics: "exact" as const })),
  );
  for (const [i, [x, w]] of small.entries()) {
    const found = outputsOf(answers[i]!)[0]!;
    for (const [at, value] of found.entries()) {
      const [k, p, q] = [Math.floor(at / size / size), Math.floor(at / size) % size, at % size];
      const xs: number[] = [];
      for (let channel = 0; channel < c; channel++)
        for (let kh = 0; kh < 3; kh++)
          for (let kw = 0; kw < 3; kw++) {
            const [row, column] = [p + kh - 1, q + kw - 1];
            const inside = row >= 0 && row < size && column >= 0 && column < size;
            xs.push(inside ? x![(channel * size + row) * size + column]! : 0);
          }
      expect(value).toBe(mac(xs, w!.slice(k * c * 9, (k + 1) * c * 9)));
    }
  }
});

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
])("single elements: %s %j and %j", (op, a, b, expected) => {
  const program = text("fp16 a, fp16 b", `fp16 y = ${op}(x = a, y = b)`);
  const [answer] = runNatively([{ text: program, inputs: [[a], [b]], numerics: "exact" }]);
  expect(outputsOf(answer!)[0]![0]).toBe(expected);
});

test("sums of many elements are wide unless they are asked to round", () => {
  const program = text("tensor<fp16, [3]> x", "fp16 y = reduce_sum(x = x, keep_dims = false)");
  const request = { text: program, inputs: [[2048, 1, 1]], numerics: "exact" } as const;
  const answers = runNatively([request, { ...request, halfSums: true }]);
  expect(answers.map((a) => outputsOf(a)[0]![0])).toEqual([2050, 2052]);
});

test("slices inside the last axis overflow on M1 and M2", () => {
  const slice = (begin: string): string =>
    text(
      "tensor<fp16, [2, 2]> x",
      `tensor<fp16, [1, 1]> y = slice_by_size(x = x, begin = ${begin}, size = [1, 1])`,
    );
  const inputs = [[5000, 4094, -4096, -4096]];
  const at = (begin: string, widthSliceOverflow: boolean) =>
    ({ text: slice(begin), inputs, numerics: "exact", widthSliceOverflow }) as const;
  const answers = runNatively([
    at("[0, 1]", true),
    at("[1, 1]", true),
    at("[1, 0]", true),
    at("[1, 1]", false),
  ]);
  expect(answers.map((a) => outputsOf(a)[0]![0])).toEqual([4094, -INF, -4096, -4096]);
});

// ANEForge's bench/device_saturation_sweep.py: the same digits on M1, M1 Max, M2 Max, M4 Pro, M4 Max, M6.
test.each([
  [512, 0.00257800397023792],
  [1024, 0.005528352999597525],
])("a product of %i rows and columns has the error that devices have", (n, device) => {
  const normal = numpyNormal(0);
  const root = Math.fround(Math.sqrt(n));
  const draw = () => normal(n * n).map((v) => Math.fround(Math.fround(v) / root));
  const x = draw().subarray(0, 256 * n);
  const w = draw();
  const linear = text(
    `tensor<fp16, [256, ${n}]> x, tensor<fp16, [${n}, ${n}]> w`,
    `tensor<fp16, [256, ${n}]> y = linear(x = x, weight = w)`,
  );
  const [answer] = runNatively([{ text: linear, inputs: [x, w], numerics: "exact" }]);
  const found = outputsOf(answer!)[0]!;
  let [difference, size] = [0, 0];
  for (let i = 0; i < 256; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += x[i * n + k]! * w[j * n + k]!;
      difference += (found[i * n + j]! - sum) ** 2;
      size += sum ** 2;
    }
  }
  expect(Math.sqrt(difference / size)).toBeCloseTo(device, 15);
});

test("a program that has run once allocates nothing, on any number of threads", () => {
  const program = text(
    "tensor<fp16, [1, 64, 1, 32]> x, tensor<fp16, [64, 64, 1, 1]> w",
    `tensor<fp16, [1, 64, 1, 32]> a = conv(x = x, weight = w);
     tensor<fp16, [1, 64, 1, 32]> b = silu(x = a);
     tensor<fp16, [1, 64, 1, 32]> c = softmax(x = b, axis = 1);
     tensor<fp16, [1, 32, 1, 64]> d = transpose(x = c, perm = [0, 3, 2, 1]);
     tensor<fp16, [1, 32, 1, 1]> e = reduce_sum(x = d, axes = [-1], keep_dims = true);
     tensor<fp16, [1, 32, 1, 64]> y = mul(x = d, y = e)`,
  );
  const inputs = [new Float64Array(2048).fill(0.25), new Float64Array(4096).fill(0.5)];
  const requests = (["exact", "fast", "ideal"] as const).flatMap((numerics) =>
    [1, 2].map((threads) => ({ text: program, inputs, numerics, threads, runs: 2 })),
  );
  for (const answer of runNatively(requests)) expect(answer).toMatchObject({ allocations: 0 });
});
