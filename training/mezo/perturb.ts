/**
 * How a step of MeZO moves parameters: w += z · add, w += z · more, and w rounded to a grid, with signs z that are
 * drawn anew from a seed each time.
 *
 *   counted   every parameter has a stream of its own, and element i of it the bit i mod 64 of word floor(i / 64);
 *             a word is a hash of its number, so that threads share the work
 *   stream    AutoANE's: one stream over all parameters, in its order
 *
 * The functions here are the slow, obvious forms of the kernels `perturb` and `perturb_stream`.
 */
import type { SignStream } from "./random.ts";

const MASK = 0xffff_ffff_ffff_ffffn;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** What is done to each weight; a part that is 0 is left out. */
export interface Move {
  readonly add: number;
  readonly more: number;
  /**
   * A power of two: w has no digits below those of |w| + grid afterwards, so that a step of that size in either
   * direction is exact. For |w| < 2^23 · grid.
   */
  readonly grid: number;
}

/** One weight, in single precision throughout. */
export function moved(w: number, isPlus: boolean, { add, more, grid }: Move): number {
  const z = isPlus ? 1 : -1;
  const first = Math.fround(w + Math.fround(z * add));
  const second = Math.fround(first + Math.fround(z * more));
  const side = second < 0 ? -grid : grid;
  return Math.fround(Math.fround(second + side) - side);
}

function mix(word: bigint): bigint {
  let z = ((word ^ (word >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

/** Moves parameter `number` with the counted signs of a key. */
export function perturb(values: Float32Array, key: bigint, number: number, move: Move): void {
  const base = mix(key ^ mix(BigInt(number) + 1n));
  let word = 0n;
  for (let i = 0; i < values.length; i++) {
    if (i % 64 === 0) word = mix((base + (BigInt(i / 64) + 1n) * GOLDEN) & MASK);
    values[i] = moved(values[i]!, ((word >> BigInt(i % 64)) & 1n) === 1n, move);
  }
}

/** How AutoANE sees a parameter: its elements are counted as [outer, inner]. */
export interface Layout {
  readonly outer: number;
  readonly inner: number;
  /** Ours is stored as [inner, outer]. */
  readonly transposed: boolean;
  /** Of a table with some of its rows only: which of ours row o is, negative for none. */
  readonly map?: Int32Array;
}

/** Moves a parameter with the next signs of a stream. */
export function perturbStream(
  values: Float32Array,
  stream: SignStream,
  { outer, inner, transposed, map }: Layout,
  move: Move,
): void {
  const n = outer * inner;
  let bits = 0;
  for (let at = 0; at < n; at++) {
    const bit = at < n - (n % 4) ? at % 4 : 0;
    if (bit === 0) bits = stream.low();
    const [o, i] = [Math.floor(at / inner), at % inner];
    const row = map === undefined ? o : map[o]!;
    if (row < 0) continue;
    const index = transposed ? i * outer + o : row * inner + i;
    values[index] = moved(values[index]!, ((bits >> bit) & 1) === 1, move);
  }
}

/** A word of 64 bits as the halves of a buffer, low one first. */
export function halvesOf(words: readonly bigint[]): number[] {
  return words.flatMap((w) => [Number(w & 0xffff_ffffn) | 0, Number(w >> 32n) | 0]);
}
