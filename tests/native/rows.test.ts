/** Kernels that work row by row: softmax, rms_norm, cross entropy, and their gradients. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { check, expectClose, generator, runEverywhere } from "./harness.ts";
import * as oracle from "./oracle.ts";

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  n: fc.integer({ min: 1, max: 70 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
});
const few = { numRuns: 15 };
const large = { rows: 70, n: 1031, seed: 9 };

function onSizes(property: (size: { rows: number; n: number; seed: number }) => void): void {
  fc.assert(fc.property(sizes, property), few);
  property(large);
}

test("softmax", () => {
  onSizes(({ rows, n, seed }) => {
    const x = generator(seed).floats(rows * n, 8);
    for (let r = 0; r < rows && n > 1; ++r) x[r * n + (seed % n)] = -Infinity;
    const expected = oracle.byRow(x, n, oracle.softmax);
    check(
      { kernel: "softmax", operands: [x, new Float32Array(rows * n)], ints: [rows, n] },
      1,
      expected,
      2e-6,
    );
    check({ kernel: "softmax", operands: [x, { sameAs: 0 }], ints: [rows, n] }, 1, expected, 2e-6);
  });
});

test("softmax of huge values does not overflow", () => {
  const x = Float32Array.of(3e38, 3e38, -3e38);
  check({ kernel: "softmax", operands: [x, new Float32Array(3)], ints: [1, 3] }, 1, [0.5, 0.5, 0]);
});

test("softmax_grad", () => {
  onSizes(({ rows, n, seed }) => {
    const random = generator(seed);
    const y = Float32Array.from(oracle.byRow(random.floats(rows * n, 3), n, oracle.softmax));
    const dy = random.floats(rows * n);
    const expected = oracle.byRow(y, n, (p, r) => {
      const dot = oracle.sum(n, (i) => p[i]! * dy[r * n + i]!);
      return p.map((v, i) => v * (dy[r * n + i]! - dot));
    });
    check(
      { kernel: "softmax_grad", operands: [y, dy, new Float32Array(rows * n)], ints: [rows, n] },
      2,
      expected,
    );
  });
});

test("rms_norm", () => {
  onSizes(({ rows, n, seed }) => {
    const random = generator(seed);
    const [x, w] = [random.floats(rows * n, 3), random.floats(n)];
    check(
      {
        kernel: "rms_norm",
        operands: [x, w, new Float32Array(rows * n)],
        ints: [rows, n],
        floats: [1e-5],
      },
      2,
      oracle.rmsNorm(x, w, 1e-5),
    );
  });
});

test("rms_norm_grad_x and rms_norm_grad_w are the slopes of rms_norm", () => {
  const [rows, n, eps] = [3, 7, 1e-5];
  const random = generator(4);
  const [x, w, dy] = [random.floats(rows * n), random.floats(n), random.floats(rows * n)];
  const loss = (xs: oracle.Row, ws: oracle.Row): number => {
    const y = oracle.rmsNorm(xs, ws, eps);
    return oracle.sum(y.length, (i) => y[i]! * dy[i]!);
  };
  const dx = Array.from(x, (_, i) => oracle.slope((moved) => loss(moved, w), x, i));
  const dw = Array.from(w, (_, i) => oracle.slope((moved) => loss(x, moved), w, i));
  const before = random.floats(rows * n);
  const gradX = (write: number) => ({
    kernel: "rms_norm_grad_x",
    operands: [x, w, dy, before],
    ints: [rows, n, write],
    floats: [eps],
  });
  check(gradX(0), 3, dx, 1e-4);
  check(
    gradX(1),
    3,
    dx.map((v, i) => v + before[i]!),
    1e-4,
  );
  const gradW = (write: number) => ({
    kernel: "rms_norm_grad_w",
    operands: [x, dy, before.slice(0, n)],
    ints: [rows, n, write],
    floats: [eps],
  });
  check(gradW(0), 2, dw, 1e-4);
  check(
    gradW(1),
    2,
    dw.map((v, i) => v + before[i]!),
    1e-4,
  );
});

test("rms_norm_grad_w of many rows", () => {
  const [rows, n, eps] = [300, 131, 1e-6];
  const random = generator(8);
  const [x, dy] = [random.floats(rows * n), random.floats(rows * n)];
  const dw = new Array<number>(n).fill(0);
  for (let r = 0; r < rows; ++r) {
    const inverse = oracle.inverseRms(x.subarray(r * n, (r + 1) * n), eps);
    for (let i = 0; i < n; ++i) dw[i]! += dy[r * n + i]! * x[r * n + i]! * inverse;
  }
  const call = {
    kernel: "rms_norm_grad_w",
    operands: [x, dy, new Float32Array(n)],
    ints: [rows, n, 0],
    floats: [eps],
  };
  check(call, 2, dw);
});

test("cross_entropy and its gradient", () => {
  onSizes(({ rows, n, seed }) => {
    const random = generator(seed);
    const [logits, targets] = [random.floats(rows * n, 10), random.ids(rows, n)];
    const loss = oracle.crossEntropy(logits, targets, n);
    const forward = (write: number) => ({
      kernel: "cross_entropy",
      operands: [logits, targets, Float32Array.of(2)],
      ints: [rows, n, write],
    });
    check(forward(0), 2, [loss]);
    check(forward(2), 2, [loss + 2]);
    check(forward(2), 2, [loss], 2e-5, { first: true });

    const expected = oracle.byRow(logits, n, (row, r) =>
      oracle.softmax(row).map((p, i) => ((p - +(i === targets[r])) * 3) / rows),
    );
    const dloss = Float32Array.of(3);
    const ints = [rows, n];
    const apart = [logits, targets, dloss, new Float32Array(rows * n)];
    check({ kernel: "cross_entropy_grad", operands: apart, ints }, 3, expected, 2e-6);
    const inPlace = [logits, targets, dloss, { sameAs: 0 }];
    check({ kernel: "cross_entropy_grad", operands: inPlace, ints }, 3, expected, 2e-6);

    for (const dlogits of [new Float32Array(rows * n), { sameAs: 0 }]) {
      const operands = [logits, targets, dloss, Float32Array.of(2), dlogits];
      const both = { kernel: "cross_entropy_both", operands, ints: [rows, n, 2] };
      check(both, 4, expected, 2e-6);
      check(both, 3, [loss + 2]);
      check(both, 3, [loss], 2e-5, { first: true });
    }
  });
});

test("cross_entropy_grad is the slope of cross_entropy", () => {
  const [rows, v] = [2, 5];
  const random = generator(3);
  const [logits, targets] = [random.floats(rows * v), random.ids(rows, v)];
  const slopes = Array.from(logits, (_, i) =>
    oracle.slope((moved) => oracle.crossEntropy(moved, targets, v), logits, i),
  );
  const operands = [logits, targets, Float32Array.of(1), new Float32Array(rows * v)];
  check({ kernel: "cross_entropy_grad", operands, ints: [rows, v] }, 3, slopes, 1e-5);
});

test("a vocabulary of 50,000", () => {
  const [rows, v] = [3, 50_000];
  const random = generator(6);
  const [logits, targets] = [random.floats(rows * v, 5), random.ids(rows, v)];
  const operands = [logits, targets, new Float32Array(1)];
  const expected = oracle.byRow(logits, v, (row, r) => {
    const most = row.reduce((a, b) => Math.max(a, b));
    return [most + Math.log(oracle.sum(v, (i) => Math.exp(row[i]! - most))) - row[targets[r]!]!];
  });
  const loss = oracle.sum(rows, (r) => expected[r]!) / rows;
  for (const result of runEverywhere({ kernel: "cross_entropy", operands, ints: [rows, v, 0] }))
    expectClose(result[2]!, [loss], 1e-6);
  expect(Number.isFinite(loss)).toBe(true);
});
