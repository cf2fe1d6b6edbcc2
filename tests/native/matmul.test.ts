/** matmul: every transposition, stride and write mode, against three loops. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { deviceInfo } from "../../runtime-native/js/index.ts";
import {
  check,
  expectClose,
  generator,
  type KernelCall,
  runEverywhere,
  runKernel,
} from "./harness.ts";
import { type MatmulShape, matmul } from "./oracle.ts";

interface Problem {
  readonly shape: MatmulShape;
  readonly call: KernelCall;
  readonly expected: (add: boolean) => number[];
}

function problem(
  sizes: { batch: number; m: number; n: number; k: number; gap: number; repeatB?: boolean },
  transA: boolean,
  transB: boolean,
  write: number,
  alpha: number,
  seed: number,
): Problem {
  const { batch, m, n, k, gap, repeatB = false } = sizes;
  const [rowsA, rowsB] = [transA ? k : m, transB ? n : k];
  const [lda, ldb, ldc] = [(transA ? m : k) + gap, (transB ? k : n) + gap, n + gap];
  const strideA = rowsA * lda + gap;
  const strideB = repeatB ? 0 : rowsB * ldb;
  const strideC = m * ldc + gap;
  const shape = { batch, m, n, k, transA, transB, lda, ldb, ldc, strideA, strideB, strideC };
  const random = generator(seed);
  const a = random.floats(batch * strideA);
  const b = random.floats(repeatB ? rowsB * ldb : batch * strideB);
  const c = random.floats(batch * strideC);
  const ints = [batch, m, n, k, +transA, +transB, lda, ldb, ldc, strideA, strideB, strideC, write];
  return {
    shape,
    call: { kernel: "matmul", operands: [a, b, c], ints, floats: [alpha] },
    expected: (add) => matmul(shape, a, b, c, alpha, add),
  };
}

const transpositions = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

test("matmul agrees with three loops on random shapes", () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      fc.record({
        batch: fc.integer({ min: 1, max: 3 }),
        m: size,
        n: size,
        k: size,
        gap: fc.integer({ min: 0, max: 3 }),
        repeatB: fc.boolean(),
      }),
      fc.constantFrom(...transpositions),
      fc.constantFrom(0, 1),
      fc.integer({ min: 1, max: 1e6 }),
      (sizes, [transA, transB], write, seed) => {
        const p = problem(sizes, transA, transB, write, 0.5, seed);
        check(p.call, 2, p.expected(write === 1));
      },
    ),
    { numRuns: 60 },
  );
});

test("the reference product of the addon agrees too, and so checks larger shapes", () => {
  const size = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(
      size,
      size,
      size,
      fc.constantFrom(...transpositions),
      (m, n, k, [transA, transB]) => {
        const small = problem({ batch: 2, m: 5, n: 7, k: 9, gap: 1 }, transA, transB, 1, 2, m);
        expectClose(runKernel(small.call, { blas: "reference" })[2]!, small.expected(true), 1e-6);
        const { call } = problem({ batch: 1, m, n, k, gap: 2 }, transA, transB, 1, 2, n);
        check(call, 2, runKernel(call, { blas: "reference" })[2]!, 5e-5);
      },
    ),
    { numRuns: 20 },
  );
});

test.each(transpositions)("matmul of training size, transposed %s %s", (transA, transB) => {
  for (const [m, n, k] of [
    [128, 515, 300],
    [259, 130, 128],
    [1, 700, 513],
    [700, 1, 65],
  ] as const) {
    const p = problem({ batch: 1, m, n, k, gap: 0 }, transA, transB, 1, 1, m + n + k);
    check(p.call, 2, p.expected(true), 1e-4);
  }
});

test("a single row is cut into pieces by columns and by depth", () => {
  for (const [n, k] of [
    [2100, 70],
    [512, 512],
    [512, 519],
    [16_400, 9],
    [65, 3000],
  ] as const) {
    for (const gap of [0, 3]) {
      const p = problem({ batch: 1, m: 1, n, k, gap }, false, false, 1, 0.5, n + k);
      check(p.call, 2, p.expected(true), 2e-4);
    }
  }
});

test("a long sum is cut into stages that add up", () => {
  const p = problem({ batch: 1, m: 40, n: 50, k: 9000, gap: 0 }, false, false, 0, 1, 5);
  check(p.call, 2, p.expected(false), 3e-4);
});

test("a sum over nothing is zero, or leaves c alone when it adds", () => {
  const c = Float32Array.of(1, 2, 3, 4);
  const call = (write: number): KernelCall => ({
    kernel: "matmul",
    operands: [new Float32Array(0), new Float32Array(0), c],
    ints: [1, 2, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, write],
    floats: [1],
  });
  for (const result of runEverywhere(call(0))) expect(result[2]).toEqual(new Float32Array(4));
  for (const result of runEverywhere(call(1))) expect(result[2]).toEqual(c);
});

test("write mode 2 replaces in the first run of a group and adds in the others", () => {
  const p = problem({ batch: 1, m: 9, n: 10, k: 11, gap: 0 }, false, false, 2, 1, 3);
  check(p.call, 2, p.expected(false), 2e-5, { first: true });
  check(p.call, 2, p.expected(true), 2e-5, { first: false });
});

const library = deviceInfo({ blas: "system" }).blas;
test.skipIf(library === null)("a BLAS library agrees with the built-in product", () => {
  for (const [transA, transB] of transpositions) {
    for (const gap of [0, 3]) {
      const p = problem({ batch: 2, m: 33, n: 47, k: 29, gap }, transA, transB, 1, 0.5, 7 + gap);
      expectClose(runKernel(p.call, { blas: "system" })[2]!, p.expected(true));
    }
  }
});
