/** Kernels that move or reduce memory: copy, reduce, embedding, fill, scale, sums, optimizers. */
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

const seeds = fc.integer({ min: 1, max: 1e6 });

test("copy between any two layouts of a shape", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 0, maxLength: 5 }),
      seeds,
      fc.constantFrom(0, 1),
      (shape, seed, write) => {
        const random = generator(seed);
        const layout = (): number[] => {
          const order = shape.map((_, d) => d).sort(() => random.unit() - 0.5);
          const inner = oracle.contiguous(order.map((d) => shape[d]!));
          const strides = shape.map(() => 0);
          for (const [at, d] of order.entries()) strides[d] = inner[at]! * (seed % 2 === 0 ? 1 : 2);
          return strides;
        };
        const [si, so] = [layout(), layout()];
        const size = shape.reduce((a, b) => a * b, 1) * 2;
        const [x, y] = [random.floats(size), random.floats(size)];
        const expected = Array.from(y);
        oracle.walk(shape, [si, so], ([from, to]) => {
          expected[to!] = x[from!]! + (write === 1 ? expected[to!]! : 0);
        });
        const ints = [shape.length, ...shape, ...si, ...so, write];
        check({ kernel: "copy", operands: [x, y], ints }, 1, expected);
      },
    ),
    { numRuns: 80 },
  );
});

test("a large transpose, and heads brought to the front", () => {
  const [s, h, e] = [130, 5, 66];
  const x = generator(1).floats(s * h * e);
  const transposed = Array.from(
    { length: h * e * s },
    (_, i) => x[(i % s) * h * e + Math.floor(i / s)]!,
  );
  const transpose = {
    kernel: "copy",
    operands: [x, new Float32Array(s * h * e)],
    ints: [2, h * e, s, 1, h * e, s, 1, 0],
  };
  check(transpose, 1, transposed);
  const heads = Array.from({ length: h * s * e }, (_, i) => {
    const [head, row] = [Math.floor(i / (s * e)), Math.floor(i / e) % s];
    return x[row * h * e + head * e + (i % e)]!;
  });
  const ints = [3, h, s, e, e, h * e, 1, s * e, e, 1, 0];
  check({ kernel: "copy", operands: [x, new Float32Array(s * h * e)], ints }, 1, heads);
});

test("copy moves integers as they are, and repeats with stride 0", () => {
  const ids = Int32Array.of(-1, 2 ** 31 - 1, 0x7fc00001);
  for (const result of runEverywhere({
    kernel: "copy",
    operands: [ids, new Int32Array(6)],
    ints: [2, 2, 3, 0, 1, 3, 1, 0],
  }))
    expect([...result[1]!]).toEqual([...ids, ...ids]);
});

test("reduce: sum, max and mean over the middle axis", () => {
  const dim = fc.integer({ min: 1, max: 12 });
  const property = (
    kind: number,
    outer: number,
    n: number,
    inner: number,
    seed: number,
    write: number,
  ): void => {
    const random = generator(seed);
    const [x, y] = [random.floats(outer * n * inner), random.floats(outer * inner)];
    const expected = Array.from(y, (before, i) => {
      const [o, j] = [Math.floor(i / inner), i % inner];
      const column = Array.from({ length: n }, (_, r) => x[(o * n + r) * inner + j]!);
      const total = oracle.sum(n, (r) => column[r]!);
      const value =
        kind === 1 ? column.reduce((a, b) => Math.max(a, b)) : kind === 0 ? total : total / n;
      return value + (write === 1 ? before : 0);
    });
    check(
      { kernel: "reduce", operands: [x, y], ints: [kind, outer, n, inner, write] },
      1,
      expected,
    );
  };
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2), dim, dim, dim, seeds, fc.constantFrom(0, 1), property),
    { numRuns: 40 },
  );
  for (const kind of [0, 1, 2]) {
    property(kind, 1, 50_001, 1, 1, 0);
    property(kind, 3, 2000, 1, 2, 1);
    property(kind, 2, 300, 129, 3, 0);
  }
});

test("max keeps NaN", () => {
  const x = Float32Array.of(1, NaN, 3, 4);
  for (const inner of [1, 2]) {
    const operands = [x, new Float32Array(inner)];
    const ints = [1, 1, 4 / inner, inner, 0];
    for (const result of runEverywhere({ kernel: "reduce", operands, ints }))
      expect(result[1]!.some(Number.isNaN)).toBe(true);
  }
});

test("embedding and embedding_grad, with ids that repeat", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 200 }),
      seeds,
      (n, v, d, seed) => {
        const random = generator(seed);
        const [table, ids, dy] = [random.floats(v * d), random.ids(n, v), random.floats(n * d)];
        const y = Array.from(
          { length: n * d },
          (_, i) => table[ids[Math.floor(i / d)]! * d + (i % d)]!,
        );
        check(
          { kernel: "embedding", operands: [table, ids, new Float32Array(n * d)], ints: [n, v, d] },
          2,
          y,
        );

        for (const write of [0, 1]) {
          const expected = Array.from(table, (before) => (write === 1 ? before : 0));
          for (let i = 0; i < n * d; ++i)
            expected[ids[Math.floor(i / d)]! * d + (i % d)]! += dy[i]!;
          check(
            { kernel: "embedding_grad", operands: [dy, ids, table], ints: [n, v, d, write] },
            2,
            expected,
          );
        }
      },
    ),
    { numRuns: 20 },
  );
});

test("update_rows writes the new rows and leaves the others", () => {
  const [k, c, n, e, position] = [3, 11, 4, 6, 5];
  const random = generator(5);
  const [cache, rows] = [random.floats(k * c * e), random.floats(n * k * e)];
  const expected = Array.from(cache);
  for (let h = 0; h < k; ++h)
    for (let r = 0; r < n; ++r)
      for (let i = 0; i < e; ++i)
        expected[(h * c + position + r) * e + i] = rows[r * k * e + h * e + i]!;
  const operands = [cache, rows, Int32Array.of(position)];
  check({ kernel: "update_rows", operands, ints: [k, c, n, e, e, k * e] }, 0, expected);
});

test("fill and scale", () => {
  const n = 70_001;
  const x = generator(2).floats(n);
  check(
    { kernel: "fill", operands: [x], ints: [n], floats: [-2.5] },
    0,
    new Float32Array(n).fill(-2.5),
  );
  check(
    { kernel: "scale", operands: [x], ints: [n], floats: [0.125] },
    0,
    x.map((v) => v / 8),
  );
});

test("sum_squares, and how many elements are not finite", () => {
  for (const n of [0, 1, 7, 16_384, 100_003]) {
    const x = generator(n + 1).floats(n, 3);
    const [out, nonfinite] = [Float64Array.of(10), Float64Array.of(2)];
    const total = oracle.sum(n, (i) => x[i]! ** 2);
    const call = (write: number): KernelCall => ({
      kernel: "sum_squares",
      operands: [x, out, nonfinite],
      ints: [n, write],
    });
    check(call(0), 1, [total], 1e-6);
    check(call(1), 1, [total + 10], 1e-6);
    check(call(0), 2, [0]);
    // Squares that do not fit a float are of numbers that are finite.
    for (let i = 0; i < n; i += 7) x[i] = 1e30;
    check(call(0), 2, [0]);
    const bad = [NaN, Infinity, -Infinity];
    for (let i = 0; i < n; i += 5) x[i] = bad[i % 3]!;
    check(call(0), 2, [Math.ceil(n / 5)]);
    check(call(1), 2, [Math.ceil(n / 5) + 2]);
  }
});

test("adamw", () => {
  for (const n of [1, 37, 50_003]) {
    const random = generator(n);
    const [w, g, m] = [random.floats(n), random.floats(n), random.floats(n)];
    const v = random.floats(n).map(Math.abs);
    const scalars = Float32Array.of(1e-2, 0.9, 0.95, 1e-8, 0.1, 1 - 0.9 ** 3, 1 - 0.95 ** 3, 0.5);
    const [lr, b1, b2, eps, wd, bias1, bias2, scale] = [...scalars] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const m1 = m.map((x, i) => b1 * x + (1 - b1) * g[i]! * scale);
    const v1 = v.map((x, i) => b2 * x + (1 - b2) * (g[i]! * scale) ** 2);
    const w1 = w.map(
      (x, i) => x - lr * (m1[i]! / bias1 / (Math.sqrt(v1[i]! / bias2) + eps) + wd * x),
    );
    const call = { kernel: "adamw", operands: [w, g, m, v, scalars], ints: [n] };
    for (const result of runEverywhere(call)) {
      expectClose(result[0]!, w1, 1e-6);
      expectClose(result[2]!, m1, 1e-6);
      expectClose(result[3]!, v1, 1e-6);
    }
  }
});

/** Sizes at which vectors, what is left over, and several threads have their turn. */
const SIZES = [1, 37, 50_003];

test("lion", () => {
  for (const n of SIZES) {
    const random = generator(n);
    const [w, g, m] = [random.floats(n), random.floats(n), random.floats(n)];
    // Where both are 0, the sign is 0.
    for (let i = 0; i < n; i += 5) [g[i], m[i]] = [0, 0];
    const scalars = Float32Array.of(1e-2, 0.9, 0.99, 0.1, 0.5);
    const [lr, b1, b2, wd, scale] = [...scalars] as [number, number, number, number, number];
    const w1 = w.map((x, i) => {
      const sign = Math.sign(b1 * m[i]! + (1 - b1) * g[i]! * scale);
      return x - lr * (sign + wd * x);
    });
    const m1 = m.map((x, i) => b2 * x + (1 - b2) * g[i]! * scale);
    for (const result of runEverywhere({
      kernel: "lion",
      operands: [w, g, m, scalars],
      ints: [n],
    })) {
      expectClose(result[0]!, w1, 1e-6);
      expectClose(result[2]!, m1, 1e-6);
    }
  }
});

test("sgd", () => {
  for (const n of SIZES) {
    const random = generator(n);
    const [w, g, m] = [random.floats(n), random.floats(n), random.floats(n)];
    const scalars = Float32Array.of(1e-2, 0.9, 0.1, 0.5);
    const [lr, momentum, wd, scale] = [...scalars] as [number, number, number, number];
    const m1 = m.map((x, i) => momentum * x + g[i]! * scale);
    const w1 = w.map((x, i) => x - lr * (m1[i]! + wd * x));
    for (const result of runEverywhere({
      kernel: "sgd",
      operands: [w, g, m, scalars],
      ints: [n],
    })) {
      expectClose(result[0]!, w1, 1e-6);
      expectClose(result[2]!, m1, 1e-6);
    }
  }
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Numbers): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

test("sanitize", () => {
  for (const n of [...SIZES, 200_001]) {
    const x = generator(n).floats(n, 3e38);
    const bad = [NaN, Infinity, -Infinity, -NaN];
    for (let i = 0; i < n; i += 7) x[i] = bad[i % 4]!;
    const expected = x.map((v) =>
      Number.isNaN(v) ? 0 : Number.isFinite(v) ? v : Math.sign(v) * 65504,
    );
    const call = { kernel: "sanitize", operands: [x, Float32Array.of(65504)], ints: [n] };
    for (const [found] of runEverywhere(call))
      expect(Buffer.compare(bytesOf(found!), bytesOf(expected))).toBe(0);
  }
});
