/** elementwise: every instruction against Math, and programs over strided index spaces. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { OPCODE_NAMES, OPCODES, type OpcodeName } from "../../compiler/bundle/opcodes.ts";
import { addonPath } from "../../runtime-native/js/addon_file.ts";
import {
  check,
  generator,
  type KernelCall,
  type OperandValue,
  rawAddon,
  runEverywhere,
} from "./harness.ts";
import { contiguous, walk } from "./oracle.ts";

test("the opcodes of the binding are those of the addon", () => {
  expect(rawAddon(addonPath()).opcodes()).toEqual([...OPCODE_NAMES]);
});

function erf(x: number): number {
  // Maclaurin series near zero, a continued fraction of erfc elsewhere.
  if (Math.abs(x) > 2.5) {
    let fraction = 0;
    for (let k = 60; k > 0; --k) fraction = k / 2 / (Math.abs(x) + fraction);
    const rest = Math.exp(-x * x) / ((Math.abs(x) + fraction) * Math.sqrt(Math.PI));
    return Math.sign(x) * (1 - rest);
  }
  let [term, total] = [x, x];
  for (let n = 1; n < 80; ++n) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const meaning: Readonly<Record<OpcodeName, (x: number, y: number) => number>> = {
  const: (x) => x,
  copy: (x) => x,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  max: Math.max,
  min: Math.min,
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  tanh: Math.tanh,
  sigmoid,
  silu: (x) => (x === -Infinity ? Number.NaN : x * sigmoid(x)),
  relu: (x) => Math.max(x, 0),
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  square: (x) => x * x,
  reciprocal: (x) => 1 / x,
  // C's pow, which gives 1 where JavaScript gives NaN.
  pow: (x, y) => (Math.abs(x) === 1 && Math.abs(y) === Infinity ? 1 : x === 1 ? 1 : x ** y),
  gt: (x, y) => +(x > y),
  erf,
};

/** One instruction on two contiguous inputs. */
function instruction(name: OpcodeName, x: Float32Array, y: Float32Array): KernelCall {
  const n = x.length;
  const code = [OPCODES[name], 2, 0, 1];
  const ints = [1, n, 2, 1, 1, 1, 1, 0, 2, 1, ...code];
  return { kernel: "elementwise", operands: [x, y, new Float32Array(n)], ints };
}

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  88,
  -88,
  89,
  -89,
  104,
  -104,
  1e-30,
  1e-42,
  -1e-42,
  3e38,
  -3e38,
  Infinity,
  -Infinity,
  NaN,
];

const unary = OPCODE_NAMES.filter((name) => name !== "const");

test.each(unary)("%s is within 1e-6 of the exact value", (name) => {
  const random = generator(name.length * 77 + 1);
  const sizes = [0.3, 2, 10, 80, 1000];
  const xs = sizes.flatMap((size) => [...random.floats(400, size)]);
  const x = Float32Array.from([...xs, ...special]);
  const y = Float32Array.from([...random.floats(xs.length, 3), ...special.toReversed()]);
  for (const result of runEverywhere(instruction(name, x, y))) {
    for (const [i, actual] of result[2]!.entries()) {
      const exact = Math.fround(meaning[name](x[i]!, y[i]!));
      // Results below the normal range have few bits; sin and cos are near-exact in absolute terms.
      const floor = name === "sin" || name === "cos" ? 0.1 : name === "silu" ? 1e-36 : 1.2e-38;
      const error = Math.abs(actual - exact) / Math.max(Math.abs(exact), floor);
      const same = Object.is(actual, exact) || actual === exact || error < 1e-6;
      if (!same) expect([name, x[i], y[i], actual]).toEqual([name, x[i], y[i], exact]);
    }
  }
});

/** silu(x) · y + c over a shape, with each array's strides. */
function program(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  arrays: readonly OperandValue[],
  write: number,
): KernelCall {
  const [x, y, z] = strides as [number[], number[], number[]];
  const code = [
    [OPCODES.const, 3, 1, 0],
    [OPCODES.silu, 0, 0, 0],
    [OPCODES.mul, 4, 0, 1],
    [OPCODES.add, 4, 4, 3],
  ];
  const ints = [
    shape.length,
    ...shape,
    2,
    ...x,
    ...y,
    1,
    ...z,
    write,
    4,
    code.length,
    ...code.flat(),
  ];
  return { kernel: "elementwise", operands: arrays, ints, floats: [99, 0.25] };
}

function permuted(shape: readonly number[], order: readonly number[]): number[] {
  const inner = contiguous(order.map((d) => shape[d]!));
  const strides = shape.map(() => 0);
  for (const [at, d] of order.entries()) strides[d] = inner[at]!;
  return strides;
}

test("a program over any strides: contiguous, transposed, broadcast", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 0, maxLength: 4 }),
      fc.integer({ min: 1, max: 1e6 }),
      fc.constantFrom(0, 1),
      (shape, seed, write) => {
        const random = generator(seed);
        const order = shape.map((_, d) => d).sort(() => random.unit() - 0.5);
        const sx = permuted(shape, order);
        const sy = contiguous(shape).map((s) => (random.unit() < 0.5 ? 0 : s));
        const sz = permuted(shape, order.toReversed());
        const total = shape.reduce((a, b) => a * b, 1);
        const [x, y, z] = [random.floats(total, 4), random.floats(total), random.floats(total)];
        const expected = Array.from(z);
        walk(shape, [sx, sy, sz], ([ix, iy, iz]) => {
          const value = meaning.silu(x[ix!]!, 0) * y[iy!]! + 0.25;
          expected[iz!] = value + (write === 1 ? expected[iz!]! : 0);
        });
        check(program(shape, [sx, sy, sz], [x, y, z], write), 2, expected, 1e-5);
      },
    ),
    { numRuns: 60 },
  );
});

test("rows longer than a block, and many short rows", () => {
  for (const shape of [[3, 2049], [5000, 3], [40_000]]) {
    const strides = contiguous(shape);
    const total = shape.reduce((a, b) => a * b, 1);
    const random = generator(total);
    const [x, y] = [random.floats(total, 4), random.floats(total)];
    const expected = x.map((v, i) => meaning.silu(v, 0) * y[i]! + 0.25);
    const apart = program(shape, [strides, strides, strides], [x, y, new Float32Array(total)], 0);
    check(apart, 2, expected, 1e-5);
    const onX = program(shape, [strides, strides, strides], [x, y, { sameAs: 0 }], 0);
    check(onX, 2, expected, 1e-5);
  }
});

test("two outputs that exchange their inputs", () => {
  const n = 700;
  const random = generator(2);
  const [x, y] = [random.floats(n), random.floats(n)];
  const ints = [1, n, 2, 1, 1, 2, 1, 0, 1, 1, 0, 0, 0];
  const call = { kernel: "elementwise", operands: [x, y, { sameAs: 0 }, { sameAs: 1 }], ints };
  for (const result of runEverywhere(call)) {
    expect(result[0]).toEqual(y);
    expect(result[1]).toEqual(x);
  }
});

test("a register may hold a constant and then something else", () => {
  const x = generator(1).floats(1100);
  const code = [
    [OPCODES.const, 1, 0, 0],
    [OPCODES.mul, 1, 0, 1],
    [OPCODES.const, 2, 0, 0],
    [OPCODES.add, 1, 1, 2],
  ];
  const ints = [1, x.length, 1, 1, 1, 1, 0, 1, code.length, ...code.flat()];
  const operands = [x, new Float32Array(x.length)];
  check(
    { kernel: "elementwise", operands, ints, floats: [3] },
    1,
    x.map((v) => v * 3 + 3),
  );
});
