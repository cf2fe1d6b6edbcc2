/** Kernels that move weights by steps of random sign. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  halvesOf,
  type Layout,
  type Move,
  perturb,
  perturbStream,
} from "../../training/mezo/perturb.ts";
import { createSignStream, wideState } from "../../training/mezo/random.ts";
import { generator, runEverywhere } from "./harness.ts";

const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const numbers = fc.float({ min: Math.fround(-0.1), max: Math.fround(0.1), noNaN: true });
const moves: fc.Arbitrary<Move> = fc.record({
  add: numbers,
  more: numbers,
  grid: fc.constantFrom(0, 2 ** -10, 2 ** -4),
});
const scalarsOf = ({ add, more, grid }: Move) => Float32Array.of(add, more, grid);

test("perturb is its slow form, bit for bit, for any number of threads", () => {
  const sizes = fc.integer({ min: 0, max: 9_000 });
  fc.assert(
    fc.property(sizes, seeds, fc.nat(500), moves, (n, key, number, move) => {
      const values = generator(n + 1).floats(n, 2);
      const expected = values.slice();
      perturb(expected, key, number, move);
      const operands = [values, Int32Array.from(halvesOf([key])), scalarsOf(move)];
      const call = { kernel: "perturb", operands, ints: [n, number] };
      for (const [w] of runEverywhere(call)) expect(w).toEqual(expected);
    }),
    { numRuns: 8 },
  );
});

test("perturb_stream is its slow form, bit for bit, and leaves the state for the next one", () => {
  const shapes = fc.record({
    outer: fc.integer({ min: 0, max: 40 }),
    inner: fc.integer({ min: 0, max: 9 }),
    kind: fc.constantFrom("plain", "transposed", "mapped"),
  });
  fc.assert(
    fc.property(shapes, seeds, moves, ({ outer, inner, kind }, seed, move) => {
      const map = Int32Array.from({ length: outer }, (_, o) => (o % 3 === 1 ? -1 : (o * 7) % 11));
      const layout: Layout = {
        ...{ outer, inner, transposed: kind === "transposed" },
        ...(kind === "mapped" ? { map } : {}),
      };
      const rows = kind === "mapped" ? 11 : outer;
      const values = generator(outer + 9).floats(rows * inner, 2);
      const expected = values.slice();
      const stream = createSignStream(seed);
      perturbStream(expected, stream, layout, move);
      const state = Int32Array.from(halvesOf(wideState(seed)));
      const mapped = kind === "mapped";
      const operands = [values, state, scalarsOf(move), mapped ? map : null];
      const ints = [outer, inner, rows, kind === "transposed" ? 1 : 0, mapped ? 1 : 0];
      for (const [w, after] of runEverywhere({ kernel: "perturb_stream", operands, ints })) {
        expect(w).toEqual(expected);
        const words = (after as Int32Array).map((half) => half);
        const next = BigInt(words[0]! >>> 0) + BigInt(words[6]! >>> 0);
        expect(Number(next & 0xffff_ffffn)).toBe(createNext(stream));
      }
    }),
    { numRuns: 20 },
  );
});

/** The low half of the next word, without taking it away from those who ask after. */
const createNext = (() => {
  const seen = new WeakMap<object, number>();
  return (stream: ReturnType<typeof createSignStream>): number => {
    const low = seen.get(stream) ?? stream.low();
    seen.set(stream, low);
    return low;
  };
})();

test("a row beyond the table stops the run", () => {
  const operands = [
    new Float32Array(8),
    new Int32Array(8),
    new Float32Array(3),
    Int32Array.of(0, 4),
  ];
  const call = { kernel: "perturb_stream", operands, ints: [2, 2, 4, 0, 1] };
  expect(() => runEverywhere(call)).toThrow(/row 4/);
});

test("steps of a power of two from a weight on its grid are exact in both directions", () => {
  const weights = fc.oneof(
    fc.float({ min: Math.fround(-6), max: Math.fround(6), noNaN: true }),
    fc.float({ min: Math.fround(-0.01), max: Math.fround(0.01), noNaN: true }),
  );
  fc.assert(
    fc.property(
      fc.array(weights, { minLength: 1 }),
      seeds,
      fc.integer({ min: -12, max: -3 }),
      (list, key, e) => {
        const grid = 2 ** e;
        const start = Float32Array.from(list);
        perturb(start, key, 0, { add: 0, more: 0, grid });
        for (const [i, w] of start.entries()) {
          expect(Math.abs(w - list[i]!)).toBeLessThanOrEqual(
            (Math.abs(list[i]!) + grid) * 2 ** -24,
          );
        }
        const w = start.slice();
        perturb(w, key, 0, { add: grid, more: 0, grid: 0 });
        for (const [i, x] of w.entries()) expect(Math.abs(x - start[i]!)).toBe(grid);
        perturb(w, key, 0, { add: -2 * grid, more: 0, grid: 0 });
        for (const [i, x] of w.entries()) expect(Math.abs(x - start[i]!)).toBe(grid);
        perturb(w, key, 0, { add: grid, more: 0, grid: 0 });
        expect(w).toEqual(start);
      },
    ),
    { numRuns: 100 },
  );
});
