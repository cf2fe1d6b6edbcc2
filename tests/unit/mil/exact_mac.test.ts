/** The engine's products: published examples, and the fast loops against whole numbers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBits, roundHalfAway } from "../../../compiler/mil/numerics/half_away.ts";
import { macSum, multiplyExact } from "../../../compiler/mil/numerics/mac.ts";
import { halfBits, halfValue } from "../../../compiler/support/half.ts";
import { macOracle } from "../../support/mac_oracle.ts";

const INF = Number.POSITIVE_INFINITY;

/** x · w with the fast loops, after the slow ones agreed. */
function dot(xs: readonly number[], ws: readonly number[], bias = 0): number {
  const [x, y] = [Float64Array.from(xs), Float64Array.from(ws)];
  const start = { along: "rows", values: Float64Array.of(bias) } as const;
  const fast = multiplyExact({ m: 1, k: xs.length, n: 1, x, y, start })[0]!;
  expect(macOracle(xs.map(halfBits), ws.map(halfBits), halfBits(bias))).toBe(fast);
  return fast;
}

test.each<[readonly number[], readonly number[], number]>([
  [[16384, 16376], [1, 1], 32768], // 32760 rounds to it
  [[16384, 16384], [1, 1], INF],
  [[-16384, -16384], [1, 1], -INF],
  [[16384, 2 ** -16, -16384], [1, 1, 1], 2 ** -16],
  [[16384, 2 ** -18, -16384], [1, 1, 1], 0],
  [[2 ** -17], [1], 2 ** -16],
  [[2048, 1], [1, 1], 2050],
  [[-4096, -2], [1, 1], -4100],
  [[1, 2 ** -11], [1, 1], 1 + 2 ** -10],
  [[2 ** -8], [2 ** -8], 2 ** -16],
  [[2 ** -9], [2 ** -8], 0], // exponents of −17 together
  [[2047 * 2 ** -19], [2047 * 2 ** -18], 0], // dropped, and worth 1.998 units
  [[2047 * 2 ** -19], [2047 * 2 ** -17], 2 ** -14], // kept: 3.996 units
  [[1.5 * 2 ** -8], [2 ** -8], 2 ** -15],
  [[-1.5 * 2 ** -8], [2 ** -8], -(2 ** -15)],
  [[20000, 20000, -20000], [1, 1, 1], INF], // for good
  [[20000, -20000, 20000], [1, 1, 1], 20000],
  [[-20000, -20000, 30000], [1, 1, 1], -INF],
  [[INF], [0.25], 16384],
  [[-INF], [2 ** -8], -256],
  [[Number.NaN], [2 ** -4], 6144],
  [[INF, -INF], [0.25, 0.25], 0],
  [[INF], [0], 0],
  [[-1], [0], 0],
  [[65504], [0.5], 32752],
])("Σ %j · %j", (xs, ws, expected) => {
  expect(dot(xs, ws)).toBe(expected);
});

test.each<[readonly number[], number, number]>([
  [[20000, 20000], -10000, 30000],
  [[20000, -20000], 20000, INF],
  [[-20000, -20000], 20000, -20000],
  [[0], 2 ** -18, 0],
  [[0], -(2 ** -17), -(2 ** -16)],
  [[-1], 40000, INF],
  [[-1], -INF, -INF],
  [[], 3, 3],
])("Σ %j from %j", (xs, bias, expected) => {
  expect(
    dot(
      xs,
      xs.map(() => 1),
      bias,
    ),
  ).toBe(expected);
});

test("the exponent 31 is a number", () => {
  expect([0x7c00, 0xfc00, 0x7e00, 0x7fff, 0x7bff].map(decodeBits)).toEqual([
    65536, -65536, 98304, 131008, 65504,
  ]);
  const x = Float64Array.of(decodeBits(0x7fff));
  expect(macSum(x, 0, Float64Array.of(0.125), 0, 1, 1)).toBe(16376);
  expect(macOracle([0x7fff], [halfBits(0.125)])).toBe(16376);
});

test("rounding goes away from zero at every half, and leaves fp16 numbers alone", () => {
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [halfValue(bits), halfValue(bits + 1)];
    const middle = (low + high) / 2;
    const found = [low, middle, -middle, middle * (1 - 2 ** -52)].map(roundHalfAway);
    if (![low, high, -high, low].every((v, i) => v === found[i])) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
  expect([65519.9, 65520, -65520, INF].map(roundHalfAway)).toEqual([65504, INF, -INF, INF]);
  expect(roundHalfAway(Number.NaN)).toBeNaN();
});

/** Bits of fp16 numbers: any, of like sizes, at the edges of the rules. */
const anyBits = fc.integer({ min: 0, max: 0xffff });
const signed = (bits: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.tuple(bits, fc.constantFrom(0, 0x8000)).map(([b, s]) => b | s);
/** Exponents from `low` to `high`. */
const sized = (low: number, high: number): fc.Arbitrary<number> =>
  signed(fc.integer({ min: (low + 15) << 10, max: ((high + 16) << 10) - 1 }));
const edges = signed(
  fc
    .tuple(fc.integer({ min: -14, max: 15 }), fc.constantFrom(0, 1, 511, 512, 513, 1022, 1023))
    .map(([e, f]) => ((e + 15) << 10) | f),
);
const small = signed(fc.integer({ min: 0, max: 0x03ff }));
const kinds: readonly fc.Arbitrary<number>[] = [
  anyBits,
  sized(-9, -6),
  sized(-4, 1),
  sized(4, 8),
  edges,
  small,
  fc.oneof(small, sized(-14, -1), sized(6, 15)),
];

const product = fc
  .record({
    m: fc.integer({ min: 1, max: 6 }),
    k: fc.integer({ min: 0, max: 33 }),
    n: fc.integer({ min: 1, max: 9 }),
    x: fc.constantFrom(...kinds),
    w: fc.constantFrom(...kinds),
    along: fc.constantFrom("rows" as const, "columns" as const, undefined),
  })
  .chain(({ m, k, n, x, w, along }) => {
    const list = (bits: fc.Arbitrary<number>, size: number) =>
      fc.array(bits, { minLength: size, maxLength: size });
    return fc.record({
      m: fc.constant(m),
      k: fc.constant(k),
      n: fc.constant(n),
      along: fc.constant(along),
      x: list(x, m * k),
      w: list(w, k * n),
      bias: list(fc.oneof(anyBits, sized(-3, 3), small), Math.max(m, n)),
    });
  });

/** The interpreter has one NaN. */
const canonical = (bits: number): number => halfBits(halfValue(bits));

test("matrices are those sums, whatever the operands", () => {
  fc.assert(
    fc.property(product, ({ m, k, n, along, ...bits }) => {
      const [x, w, bias] = [bits.x, bits.w, bits.bias].map((list) => list.map(canonical)) as [
        number[],
        number[],
        number[],
      ];
      const numbers = (list: readonly number[]) => Float64Array.from(list, halfValue);
      const start = along && { along, values: numbers(bias) };
      const found = multiplyExact({ m, k, n, x: numbers(x), y: numbers(w), start });
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          const column = Array.from({ length: k }, (_, l) => w[l * n + j]!);
          const from = along === undefined ? 0 : bias[along === "rows" ? i : j]!;
          const expected = macOracle(x.slice(i * k, (i + 1) * k), column, from);
          expect(Object.is(found[i * n + j], expected)).toBe(true);
        }
      }
    }),
    { numRuns: 1500 },
  );
});

test("tiles meet without a seam", () => {
  const random = fc.sample(fc.tuple(sized(-6, 0), sized(-12, 2)), { numRuns: 40_000, seed: 3 });
  const [m, k, n] = [67, 37, 530];
  const x = Float64Array.from({ length: m * k }, (_, i) => halfValue(random[i]![0]));
  const y = Float64Array.from({ length: k * n }, (_, i) => halfValue(random[i]![1]));
  const found = multiplyExact({ m, k, n, x, y });
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++)
      if (found[i * n + j] !== macSum(x, i * k, y, j, n, k)) expect.fail(`${i}, ${j}`);
  }
});
