/** attention, its gradient, the cached form, and rope. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  check,
  expectClose,
  generator,
  type KernelCall,
  type Numbers,
  runEverywhere,
} from "./harness.ts";
import * as oracle from "./oracle.ts";

const shapes = fc.record({
  group: fc.integer({ min: 1, max: 3 }),
  k: fc.integer({ min: 1, max: 2 }),
  s: fc.integer({ min: 1, max: 20 }),
  more: fc.integer({ min: 0, max: 5 }),
  e: fc.constantFrom<number[]>(1, 2, 8, 13),
  causal: fc.boolean(),
  interleaved: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1e6 }),
});
type Size = typeof shapes extends fc.Arbitrary<infer T> ? T : never;
const large: Size = {
  group: 2,
  k: 2,
  s: 200,
  more: 60,
  e: 40,
  causal: true,
  interleaved: true,
  seed: 1,
};

function setUp(size: Size) {
  const { k, s, e, causal, interleaved, seed } = size;
  const [h, t] = [k * size.group, s + size.more];
  const random = generator(seed);
  const shape: oracle.AttentionShape = { h, k, s, t, e, causal, scale: 1 / Math.sqrt(e) };
  /** [heads, rows, E], or [rows, heads, E] with a gap between rows. */
  const layout = (heads: number, rows: number): oracle.Strides =>
    interleaved ? [e, heads * e + 3] : [rows * e, e];
  const values = (heads: number, rows: number): Float32Array => random.floats(heads * rows * e, 2);
  return { h, k, s, t, e, causal, shape, layout, values };
}

function everySize(property: (size: Size) => void, numRuns: number): void {
  fc.assert(fc.property(shapes, property), { numRuns });
  property(large);
  property({ ...large, causal: false, interleaved: false, more: 0, seed: 2 });
}

test("attention", () => {
  everySize((size) => {
    const { h, k, s, t, e, causal, shape, layout, values } = setUp(size);
    const [q, key, v] = [values(h, s), values(k, t), values(k, t)];
    const [lq, lk] = [layout(h, s), layout(k, t)];
    const call: KernelCall = {
      kernel: "attention",
      operands: [
        oracle.spread(q, h, s, e, lq),
        oracle.spread(key, k, t, e, lk),
        oracle.spread(v, k, t, e, lk),
        oracle.spread(new Float32Array(h * s * e), h, s, e, lq),
      ],
      ints: [h, k, s, t, e, ...lq, ...lk, ...lk, ...lq, +causal],
      floats: [shape.scale],
    };
    const expected = oracle.attention(shape, q, key, v);
    for (const result of runEverywhere(call))
      expectClose(oracle.gather(result[3]!, h, s, e, lq), expected);
  }, 30);
});

/** dq, dk, dv in double precision. */
function gradients(a: oracle.AttentionShape, q: Numbers, key: Numbers, v: Numbers, dout: Numbers) {
  const { h, k, s, t, e, causal, scale } = a;
  const [dq, dk, dv] = [q, key, v].map((x) => new Float64Array(x.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < h * s; ++i) {
    const kh = Math.floor(Math.floor(i / s) / (h / k));
    const visible = causal ? (i % s) + t - s + 1 : t;
    const at = (row: number, n: number): number => (kh * t + row) * e + n;
    const dot = (x: Numbers, n: number, y: Numbers, row: number): number =>
      oracle.sum(e, (j) => x[n * e + j]! * y[at(row, j)]!);
    const p = oracle.softmax(Array.from({ length: visible }, (_, r) => scale * dot(q, i, key, r)));
    const dp = p.map((_, r) => dot(dout, i, v, r));
    const delta = oracle.sum(visible, (r) => p[r]! * dp[r]!);
    for (let r = 0; r < visible; ++r) {
      const ds = scale * p[r]! * (dp[r]! - delta);
      for (let j = 0; j < e; ++j) {
        dq[i * e + j]! += ds * key[at(r, j)]!;
        dk[at(r, j)]! += ds * q[i * e + j]!;
        dv[at(r, j)]! += p[r]! * dout[i * e + j]!;
      }
    }
  }
  return [dq, dk, dv];
}

function checkGradient(size: Parameters<typeof setUp>[0]): void {
  const { h, k, s, t, e, causal, shape, layout, values } = setUp(size);
  const [q, key, v, dout] = [values(h, s), values(k, t), values(k, t), values(h, s)];
  const [lq, lk] = [layout(h, s), layout(k, t)];
  const queries = (x: Numbers) => oracle.spread(x, h, s, e, lq);
  const keys = (x: Numbers) => oracle.spread(x, k, t, e, lk);
  const call: KernelCall = {
    kernel: "attention_grad",
    operands: [queries(q), keys(key), keys(v), queries(dout), queries(q), keys(key), keys(v)],
    ints: [h, k, s, t, e, ...lq, ...lk, ...lk, ...lq, ...lq, ...lk, ...lk, +causal],
    floats: [shape.scale],
  };
  const [dq, dk, dv] = gradients(shape, q, key, v, dout);
  for (const result of runEverywhere(call)) {
    expectClose(oracle.gather(result[4]!, h, s, e, lq), dq!, 5e-5);
    expectClose(oracle.gather(result[5]!, k, t, e, lk), dk!, 5e-5);
    expectClose(oracle.gather(result[6]!, k, t, e, lk), dv!, 5e-5);
  }
}

test("attention_grad", () => {
  everySize(checkGradient, 30);
});

test("attention_grad of sequences too long for the cache", () => {
  for (const more of [0, 7]) {
    checkGradient({ ...large, s: 260, more, e: 8, seed: 3 });
  }
});

test("attention_grad is the slope of attention", () => {
  const { h, k, s, t, e, shape, values } = setUp({ ...large, s: 4, more: 2, e: 3, seed: 5 });
  const [q, key, v, dout] = [values(h, s), values(k, t), values(k, t), values(h, s)];
  const loss = (a: oracle.Row, b: oracle.Row, c: oracle.Row): number => {
    const o = oracle.attention(shape, a, b, c);
    return oracle.sum(o.length, (i) => o[i]! * dout[i]!);
  };
  const slopes = [
    Array.from(q, (_, i) => oracle.slope((x) => loss(x, key, v), q, i)),
    Array.from(key, (_, i) => oracle.slope((x) => loss(q, x, v), key, i)),
    Array.from(v, (_, i) => oracle.slope((x) => loss(q, key, x), v, i)),
  ];
  const [lq, lk] = [
    [s * e, e],
    [t * e, e],
  ];
  const call: KernelCall = {
    kernel: "attention_grad",
    operands: [q, key, v, dout, q.slice(), key.slice(), v.slice()],
    ints: [h, k, s, t, e, ...lq, ...lk, ...lk, ...lq, ...lq, ...lk, ...lk, 1],
    floats: [shape.scale],
  };
  for (const result of runEverywhere(call))
    for (const [i, expected] of slopes.entries()) expectClose(result[4 + i]!, expected, 2e-4);
});

test("attention_cached is causal attention over the filled part of the cache", () => {
  for (const [n, c, position] of [
    [1, 9, 0],
    [1, 300, 217],
    [5, 20, 15],
    [70, 200, 31],
  ] as const) {
    const [h, k, e] = [4, 2, 16];
    const random = generator(n + c);
    const filled = position + n;
    const q = random.floats(h * n * e, 2);
    const [key, v] = [random.floats(k * c * e, 2), random.floats(k * c * e, 2)];
    const top = (x: Float32Array) => oracle.gather(x, k, filled, e, [c * e, e]);
    const shape = { h, k, s: n, t: filled, e, causal: true, scale: 0.25 };
    const expected = oracle.attention(shape, q, top(key), top(v));
    const call: KernelCall = {
      kernel: "attention_cached",
      operands: [q, key, v, Int32Array.of(position), new Float32Array(h * n * e)],
      ints: [h, k, n, c, e, n * e, e, c * e, e, c * e, e, n * e, e],
      floats: [0.25],
    };
    check(call, 4, expected);
  }
});

test("rope turns pairs, and its inverse turns them back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(null, 0, 7, 100_000),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(0, 1),
      fc.boolean(),
      (heads, s, half, position, split, inverse, write, inPlace) => {
        const e = 2 * half;
        const x = generator(heads * s + half).floats(heads * s * e);
        const options = { position: position ?? 0, theta: 10_000, split, inverse };
        const turned = oracle.rope(x, { heads, s, e }, options);
        const at: oracle.Strides = [e, heads * e];
        const from = oracle.spread(x, heads, s, e, at);
        const expected = oracle.spread(turned, heads, s, e, at);
        const same = inPlace && write === 0;
        const call: KernelCall = {
          kernel: "rope",
          operands: [
            from,
            position === null ? null : Int32Array.of(position),
            same ? { sameAs: 0 } : Float32Array.from(from, () => 1),
          ],
          ints: [heads, s, e, ...at, ...at, +split, +inverse, write],
          floats: [10_000],
        };
        check(
          call,
          2,
          expected.map((v) => v + write),
          2e-6,
        );
      },
    ),
    { numRuns: 60 },
  );
  expect(
    oracle.rope(
      [1, 0],
      { heads: 1, s: 1, e: 2 },
      { position: 0, theta: 1, split: false, inverse: false },
    ),
  ).toEqual([1, 0]);
});
