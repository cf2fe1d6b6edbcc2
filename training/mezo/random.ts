/**
 * The random signs of MeZO, bit for bit those of AutoANE: xoshiro256+, seeded by splitmix64.
 *
 *     splitmix64     x += 0x9E3779B97F4A7C15
 *                    z = (x ^ x >> 30) · 0xBF58476D1CE4E5B9
 *                    z = (z ^ z >> 27) · 0x94D049BB133111EB
 *                    z ^ z >> 31
 *
 *     xoshiro256+    r = s0 + s3, t = s1 << 17
 *                    s2 ^= s0, s3 ^= s1, s1 ^= s2, s0 ^= s3, s2 ^= t, s3 = rotl(s3, 45)
 *
 * Words of 64 bits are pairs of halves of 32, which JavaScript computes without allocating. `nextWord` is the
 * slow, obvious form with whole words: what the tests compare with.
 */
import { invariant } from "../../compiler/support/bug.ts";

const MASK = 0xffff_ffff_ffff_ffffn;

/** The four words of a generator. */
export type WideState = readonly [bigint, bigint, bigint, bigint];

/** The state that a seed of 64 bits starts with. */
export function wideState(seed: bigint): WideState {
  let x = seed & MASK;
  const next = (): bigint => {
    x = (x + 0x9e3779b97f4a7c15n) & MASK;
    let z = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return z ^ (z >> 31n);
  };
  return [next(), next(), next(), next()];
}

/** The next word of the generator, and the state after it. */
export function nextWord([s0, s1, s2, s3]: WideState): readonly [word: bigint, state: WideState] {
  const word = (s0 + s3) & MASK;
  const c = s2 ^ s0;
  const d = s3 ^ s1;
  const rotated = ((d << 45n) | (d >> 19n)) & MASK;
  return [word, [s0 ^ d, s1 ^ c, c ^ ((s1 << 17n) & MASK), rotated]];
}

/** A stream of signs. */
export interface SignStream {
  /** The low 32 bits of the next word. */
  low(): number;
  /** The whole next word. */
  word(): bigint;
}

/** The stream of a seed. */
export function createSignStream(seed: bigint): SignStream {
  // Low and high half of each word.
  const halves = wideState(seed).flatMap((w) => [Number(w & 0xffff_ffffn), Number(w >> 32n)]);
  let [a0, a1, b0, b1, c0, c1, d0, d1] = halves.map((half) => half | 0) as [
    ...[number, number, number, number, number, number, number, number],
  ];
  const step = (): void => {
    const t0 = b0 << 17;
    const t1 = (b1 << 17) | (b0 >>> 15);
    c0 ^= a0;
    c1 ^= a1;
    d0 ^= b0;
    d1 ^= b1;
    b0 ^= c0;
    b1 ^= c1;
    a0 ^= d0;
    a1 ^= d1;
    c0 ^= t0;
    c1 ^= t1;
    // 45 bits to the left are 13 to the left with the halves changed over.
    const [low, high] = [d0, d1];
    d0 = (high << 13) | (low >>> 19);
    d1 = (low << 13) | (high >>> 19);
  };
  return {
    low() {
      const sum = (a0 + d0) >>> 0;
      step();
      return sum;
    },
    word() {
      const low = (a0 >>> 0) + (d0 >>> 0);
      const high = (a1 >>> 0) + (d1 >>> 0) + (low > 0xffff_ffff ? 1 : 0);
      step();
      return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    },
  };
}

/** The seed of a step of a run, in 64 bits: step · 1000003 + seed. */
export function stepSeed(seed: number, step: number): bigint {
  invariant(Number.isSafeInteger(seed) && Number.isSafeInteger(step), "seeds are whole numbers");
  return BigInt.asUintN(64, BigInt(step) * 1_000_003n + BigInt(seed));
}

/**
 * values[i] += scale · zᵢ in fp32, with signs z from the stream: four elements take the four lowest bits of one
 * word, lowest first, and each of the one to three at the end the lowest bit of a word of its own. A bit that is set
 * is +1. Every array begins with a new word, so where arrays end matters.
 */
export function addSigns(values: Float32Array, scale: number, stream: SignStream): void {
  const step = Math.fround(scale);
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    const bits = stream.low();
    values[i] = values[i]! + ((bits & 1) !== 0 ? step : -step);
    values[i + 1] = values[i + 1]! + ((bits & 2) !== 0 ? step : -step);
    values[i + 2] = values[i + 2]! + ((bits & 4) !== 0 ? step : -step);
    values[i + 3] = values[i + 3]! + ((bits & 8) !== 0 ? step : -step);
  }
  for (let i = whole; i < values.length; i++) {
    values[i] = values[i]! + ((stream.low() & 1) !== 0 ? step : -step);
  }
}
