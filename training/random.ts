/**
 * The POSIX random numbers (drand48, erand48), bit for bit, so that runs repeat those of C programs.
 *
 *     X ← (0x5DEECE66D · X + 0xB) mod 2^48        value = X / 2^48
 *
 * X is held as two halves of 24 bits: every product below stays under 2^49, which doubles hold exactly.
 *
 * 2^k steps are one such map too, with other constants, so any number of steps takes 48 maps at most:
 *
 *     X ← A·X + C, twice:   X ← A²·X + (A·C + C)
 */
import { invariant } from "../compiler/support/bug.ts";

const HALF = 2 ** 24;
const A_HIGH = 0x5de;
const A_LOW = 0xece66d;
const C = 0xb;
/** Steps after which every stream repeats. */
const PERIOD = 2 ** 48;

/** The 48 bits of a generator as `hi · 2^24 + lo`. Plain data: it goes into a checkpoint as it is. */
export interface RandomState {
  readonly hi: number;
  readonly lo: number;
}

/** X ← a·X + c mod 2^48. */
interface Jump {
  readonly a: RandomState;
  readonly c: RandomState;
}

/** a·x + c mod 2^48. */
function multiplyAdd(a: RandomState, x: RandomState, c: RandomState): RandomState {
  const low = a.lo * x.lo + c.lo;
  const carry = Math.floor(low / HALF);
  const high = a.hi * x.lo + a.lo * x.hi + c.hi + carry;
  return { hi: high - Math.floor(high / HALF) * HALF, lo: low - carry * HALF };
}

/** Jumps over 2^0, 2^1, …, 2^47 numbers. */
const jumps: readonly Jump[] = (() => {
  const list: Jump[] = [];
  let jump: Jump = { a: { hi: A_HIGH, lo: A_LOW }, c: { hi: 0, lo: C } };
  for (let span = 1; span < PERIOD; span *= 2) {
    list.push(jump);
    const { a, c } = jump;
    jump = { a: multiplyAdd(a, a, { hi: 0, lo: 0 }), c: multiplyAdd(a, c, c) };
  }
  return list;
})();

/** A stream of random numbers. */
export interface Random {
  /** Starts the stream of a seed; only its low 32 bits count. */
  srand48(seed: number): void;
  /** The next number in [0, 1). */
  drand48(): number;
  /** floor(drand48() · n): a whole number in [0, n). */
  uniformIndex(n: number): number;
  /** Fills in index order with scale · (2 · drand48() − 1), computed in double and rounded once. */
  fillUniform(array: Float32Array | Float64Array, scale: number): void;
  /** Passes over the next `n` numbers, a whole number, as if they had been drawn. */
  skip(n: number): void;
  state(): RandomState;
  restore(state: RandomState): void;
}

/** A stream that starts like `srand48(seed)`. */
export function createRandom(seed: number): Random {
  let hi = 0;
  let lo = 0;

  const step = (): number => {
    const low = A_LOW * lo + C;
    const carry = Math.floor(low / HALF);
    const high = A_HIGH * lo + A_LOW * hi + carry;
    lo = low - carry * HALF;
    hi = high - Math.floor(high / HALF) * HALF;
    return hi / HALF + lo / (HALF * HALF);
  };

  const random: Random = {
    srand48(newSeed) {
      hi = (newSeed >>> 0) >>> 8;
      lo = ((newSeed & 0xff) << 16) | 0x330e;
    },
    drand48: step,
    uniformIndex(n) {
      invariant(n > 0, "uniformIndex needs at least one choice");
      return Math.floor(step() * n);
    },
    fillUniform(array, scale) {
      for (let i = 0; i < array.length; i++) array[i] = scale * (2 * step() - 1);
    },
    skip(n) {
      invariant(Number.isSafeInteger(n) && n >= 0, "a stream skips a whole number of its numbers");
      let left = n % PERIOD;
      for (let k = 0; left > 0; k++) {
        if (left % 2 === 1) ({ hi, lo } = multiplyAdd(jumps[k]!.a, { hi, lo }, jumps[k]!.c));
        left = Math.floor(left / 2);
      }
    },
    state: () => ({ hi, lo }),
    restore(state) {
      for (const half of [state.hi, state.lo]) {
        invariant(
          Number.isInteger(half) && half >= 0 && half < HALF,
          "a random state is two halves of 24 bits",
        );
      }
      hi = state.hi;
      lo = state.lo;
    },
  };
  random.srand48(seed);
  return random;
}

/** The next number in [0, 1) of the generator whose 48 bits are `x`, low word first; steps `x` in place. */
export function erand48(x: Uint16Array): number {
  invariant(x.length === 3, "erand48 needs three words of 16 bits");
  const generator = createRandom(0);
  generator.restore({ hi: (x[1]! >> 8) | (x[2]! << 8), lo: x[0]! | ((x[1]! & 0xff) << 16) });
  const value = generator.drand48();
  const { hi, lo } = generator.state();
  x[0] = lo;
  x[1] = (lo >> 16) | ((hi & 0xff) << 8);
  x[2] = hi >> 8;
  return value;
}
