import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addSigns,
  createSignStream,
  nextWord,
  stepSeed,
  wideState,
} from "../../../../training/mezo/random.ts";

/** The first words and signs that AutoANE's generator gives. */
const GOLDEN = [
  {
    seed: 42n,
    words: ["15f414253e365229", "4f771f08f4211387", "100492bd8828891e", "4e743fce495374ae"],
    signs: "+--+ +++- -+++ -+++",
  },
  {
    seed: stepSeed(42, 1),
    words: ["8d1d4dd15e23476a", "b81c01a7f7744879", "27351529da9614ed", "2d782bddfd9f22"],
    signs: "-+-+ +--+ +-++ -+--",
  },
] as const;

function signsOf(seed: bigint, n: number): string {
  const values = new Float32Array(n);
  addSigns(values, 1, createSignStream(seed));
  return [...values].map((v) => (v > 0 ? "+" : "-")).join("");
}

test.each(GOLDEN)("xoshiro256+ of seed $seed repeats the C program", ({ seed, words, signs }) => {
  const stream = createSignStream(seed);
  expect(words.map(() => stream.word().toString(16))).toEqual(words);
  expect(signsOf(seed, 16)).toBe(signs.replaceAll(" ", ""));
});

test("the seed of a step", () => {
  expect(stepSeed(42, 1)).toBe(1_000_045n);
  expect(stepSeed(7, 0)).toBe(7n);
  expect(stepSeed(-1, 0)).toBe(2n ** 64n - 1n);
});

test("halves of 32 bits compute what whole words do", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (seed) => {
      const [whole, low] = [createSignStream(seed), createSignStream(seed)];
      let state = wideState(seed);
      for (let i = 0; i < 40; i++) {
        const [word, next] = nextWord(state);
        state = next;
        expect(whole.word()).toBe(word);
        expect(low.low()).toBe(Number(word & 0xffff_ffffn));
      }
    }),
  );
});

test("four signs share a word, those at the end have one each, and every array begins with a new one", () => {
  const slow = (seed: bigint, lengths: readonly number[]): number[][] => {
    let state = wideState(seed);
    const bits = (): bigint => {
      const [word, next] = nextWord(state);
      state = next;
      return word;
    };
    return lengths.map((n) => {
      const signs: number[] = [];
      while (signs.length + 4 <= n) {
        const word = bits();
        for (const k of [0n, 1n, 2n, 3n]) signs.push((word >> k) & 1n ? 1 : -1);
      }
      while (signs.length < n) signs.push(bits() & 1n ? 1 : -1);
      return signs;
    });
  };
  fc.assert(
    fc.property(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.array(fc.nat(23), { maxLength: 6 }),
      (seed, lengths) => {
        const stream = createSignStream(seed);
        const found = lengths.map((n) => {
          const values = new Float32Array(n);
          addSigns(values, 1, stream);
          return [...values];
        });
        expect(found).toEqual(slow(seed, lengths));
      },
    ),
  );
});

test("up, twice down and up again leads back, within the rounding of three sums", () => {
  const start = Float32Array.from({ length: 1001 }, (_, i) => Math.sin(i) / 7);
  const values = start.slice();
  for (const scale of [1e-3, -2e-3, 1e-3]) addSigns(values, scale, createSignStream(5n));
  for (const [i, w] of values.entries()) expect(Math.abs(w - start[i]!)).toBeLessThan(2 ** -24);
});

test("the scale is rounded to fp32 once, as in C", () => {
  const values = new Float32Array(4);
  addSigns(values, 0.1, createSignStream(42n));
  expect([...values].map(Math.abs)).toEqual(Array.from({ length: 4 }, () => Math.fround(0.1)));
});
