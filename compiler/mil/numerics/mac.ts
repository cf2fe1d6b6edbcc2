/**
 * The engine's multiply-accumulate unit, bit for bit: what matmul, linear and convolutions run on.
 *
 *     operands   fp16; e(v) = floor(log2 |v|), at least −14; exponent 31 is read as a number
 *     products   x·w is dropped if e(x) + e(w) < −16, else rounded to a multiple of 2^-16, halves away
 *                from zero
 *     sum        begins at the bias, rounded likewise; where |sum| reaches 32768, at any time, it is an
 *                infinity for good
 *     result     rounded to fp16, halves away from zero; there is no −0
 *
 * Reported by the 751K M6 study (M4, M6). The same arithmetic gives the errors that ANEForge publishes
 * for products on M1, M1 Max, M2 Max, M4 Pro, M4 Max and M6, and for 3×3 convolutions on M1 … M4 Pro
 * (`tests/unit/mil/exact_published.test.ts`). On M6 a 3×3 convolution takes another way (Winograd),
 * which is not modelled. Sums run through k in order; the engine's order is not published and matters
 * only for sums that saturate on the way.
 *
 * Fast, because a double does the rounding. With x' = x · 2^16 · (1 + 2^-30) the product x'·w is exact
 * in 53 bits and never half-way between whole numbers: a half is a little more than a half, as it
 * should be. Added to 1.5 · 2^52, whose neighbours are whole numbers, it is rounded by the addition
 * itself. That holds while |x·w| < 2^13 and |sum| < 2^15, which the norms of rows and columns bound
 * beforehand; other sums are done one product after another (`macSum`).
 */
import { roundToHalf } from "../../support/half.ts";
import { decode } from "./half_away.ts";
import { alongAt, type Multiply, type Product } from "./multiply.ts";

/** The units of 2^-16 in which sums are kept. */
const UNITS = 2 ** 16;
const LIMIT = 2 ** 31;

/** Half away from zero. */
function roundAway(x: number): number {
  return x < 0 ? -Math.floor(0.5 - x) : Math.floor(x + 0.5);
}

/**
 * Which products with x are dropped: those with |w| < 2^(c − 14), none for c = 0. e(x) = −2 − c, so that
 * e(x) + e(w) < −16 says e(w) < c − 14.
 */
function dropClass(x: number): number {
  const t = Math.trunc(Math.abs(x) * 16384);
  if (t >= 4096) return 0;
  return t < 2 ? 12 : Math.clz32(t) - 19;
}
const CLASSES = 13;

/** The least |w| that a class keeps. */
const LEAST = Float64Array.from({ length: CLASSES }, (_, c) => (c === 0 ? 0 : 2 ** (c - 14)));

/** start + Σₖ x[from + k] · y[at + k · step] as fp16, one product after another. */
export function macSum(
  x: Float64Array,
  from: number,
  y: Float64Array,
  at: number,
  step: number,
  count: number,
  start = 0,
): number {
  let sum = roundAway(start * UNITS);
  for (let k = 0; k < count && Math.abs(sum) < LIMIT; k++) {
    const [a, w] = [x[from + k]!, y[at + k * step]!];
    if (Math.abs(w) >= LEAST[dropClass(a)]!) sum += roundAway(a * w * UNITS);
  }
  if (Math.abs(sum) >= LIMIT) return sum > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return halfOfUnits(sum);
}

/** A sum of units as fp16: eleven bits, halves away from zero. There are no subnormal results. */
function halfOfUnits(units: number): number {
  const size = Math.abs(units);
  if (size < 2048) return units / UNITS;
  const shift = 21 - Math.clz32(size);
  const rounded = ((size + (1 << (shift - 1))) >>> shift) * (1 << shift);
  return (units < 0 ? -rounded : rounded) / UNITS;
}

/** 1.5 · 2^52: doubles near it are whole numbers. */
const WHOLE = 1.5 * 2 ** 52;
const FACTOR = UNITS * (1 + 2 ** -30);

/** Rows and columns of the sums that are kept at once, and products that are added at once. */
const ROWS = 64;
const COLUMNS = 256;
const STEPS = 4;

/** The sums as the engine makes them. Operands must be fp16 numbers; infinities and NaN are decoded. */
export const multiplyExact: Multiply = (product) => {
  const { m, k, n } = product;
  const x = decodeAll(product.x);
  const y = decodeAll(product.y);
  const start = product.start && {
    along: product.start.along,
    values: product.start.values.map((v) => decode(roundToHalf(v))),
  };
  const rows = boundsOfRows(x, m, k);
  const columns = boundsOfColumns(y, k, n);
  const startAt = (i: number, j: number): number =>
    start === undefined ? 0 : alongAt(start, i, j);
  const isTame = (i: number, j: number): boolean =>
    rows.largest[i]! * columns.largest[j]! < 8192 &&
    rows.norm[i]! * columns.norm[j]! + Math.abs(startAt(i, j)) + k / UNITS < 32760;

  const sums = new Float64Array(ROWS * COLUMNS);
  const out = new Float64Array(m * n);
  const tiles = new Tiles({ ...product, x, y });
  for (let j0 = 0; j0 < n; j0 += COLUMNS) {
    const width = Math.min(COLUMNS, n - j0);
    for (let i0 = 0; i0 < m; i0 += ROWS) {
      const height = Math.min(ROWS, m - i0);
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          sums[i * COLUMNS + j] = WHOLE + roundAway(startAt(i0 + i, j0 + j) * UNITS);
        }
      }
      tiles.add(sums, i0, height, j0, width);
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          const [row, column] = [i0 + i, j0 + j];
          out[row * n + column] = isTame(row, column)
            ? halfOfUnits(sums[i * COLUMNS + j]! - WHOLE)
            : macSum(x, row * k, y, column, n, k, startAt(row, column));
        }
      }
    }
  }
  return out;
};

/** The same array where there is nothing to decode. */
function decodeAll(data: Float64Array): Float64Array {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i]!)) return data.map(decode);
  }
  return data;
}

interface Bounds {
  readonly norm: Float64Array;
  readonly largest: Float64Array;
}

function boundsOfRows(x: Float64Array, m: number, k: number): Bounds {
  const norm = new Float64Array(m);
  const largest = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    for (let at = i * k; at < (i + 1) * k; at++) {
      norm[i]! += x[at]! ** 2;
      largest[i] = Math.max(largest[i]!, Math.abs(x[at]!));
    }
  }
  return { norm: norm.map(Math.sqrt), largest };
}

function boundsOfColumns(y: Float64Array, k: number, n: number): Bounds {
  const norm = new Float64Array(n);
  const largest = new Float64Array(n);
  for (let inner = 0; inner < k; inner++) {
    for (let j = 0; j < n; j++) {
      const v = Math.abs(y[inner * n + j]!);
      norm[j]! += v * v;
      if (v > largest[j]!) largest[j] = v;
    }
  }
  return { norm: norm.map(Math.sqrt), largest };
}

/** Adds the products of a tile of rows and columns to its sums. */
class Tiles {
  readonly #k: number;
  readonly #n: number;
  readonly #y: Float64Array;
  /** x', and the class of each element. */
  readonly #factors: Float64Array;
  readonly #classes: Uint8Array;
  /** Parts of `STEPS` rows of y, without what each class drops. */
  readonly #kept = new Float64Array(STEPS * CLASSES * COLUMNS);
  readonly #isMade = new Uint8Array(STEPS * CLASSES);

  constructor({ k, n, x, y }: Product) {
    [this.#k, this.#n, this.#y] = [k, n, y];
    this.#factors = x.map((v) => v * FACTOR);
    this.#classes = Uint8Array.from(x, dropClass);
  }

  add(sums: Float64Array, i0: number, height: number, j0: number, width: number): void {
    const k = this.#k;
    const factors = this.#factors;
    for (let k0 = 0; k0 < k; k0 += STEPS) {
      this.#isMade.fill(0);
      const steps = Math.min(STEPS, k - k0);
      for (let i = 0; i < height; i++) {
        const at = (i0 + i) * k + k0;
        const to = i * COLUMNS;
        if (steps < STEPS) {
          for (let s = 0; s < steps; s++) {
            addOne(sums, to, this.#kept, this.#row(s, at, k0, j0, width), factors[at + s]!, width);
          }
          continue;
        }
        addFour(
          sums,
          to,
          this.#kept,
          this.#row(0, at, k0, j0, width),
          this.#row(1, at, k0, j0, width),
          this.#row(2, at, k0, j0, width),
          this.#row(3, at, k0, j0, width),
          factors[at]!,
          factors[at + 1]!,
          factors[at + 2]!,
          factors[at + 3]!,
          width,
        );
      }
    }
  }

  /** Where row k0 + s of y begins in `kept`, for the element of x at `at + s`. */
  #row(s: number, at: number, k0: number, j0: number, width: number): number {
    const c = this.#classes[at + s]!;
    const place = s * CLASSES + c;
    const to = place * COLUMNS;
    if (this.#isMade[place] === 1) return to;
    this.#isMade[place] = 1;
    const from = (k0 + s) * this.#n + j0;
    const least = LEAST[c]!;
    for (let j = 0; j < width; j++) {
      const w = this.#y[from + j]!;
      this.#kept[to + j] = Math.abs(w) < least ? 0 : w;
    }
    return to;
  }
}

function addOne(
  sums: Float64Array,
  to: number,
  w: Float64Array,
  from: number,
  factor: number,
  n: number,
): void {
  for (let j = 0; j < n; j++) sums[to + j]! += factor * w[from + j]!;
}

function addFour(
  sums: Float64Array,
  to: number,
  w: Float64Array,
  a: number,
  b: number,
  c: number,
  d: number,
  xa: number,
  xb: number,
  xc: number,
  xd: number,
  n: number,
): void {
  for (let j = 0; j < n; j++) {
    sums[to + j] =
      sums[to + j]! + xa * w[a + j]! + xb * w[b + j]! + xc * w[c + j]! + xd * w[d + j]!;
  }
}
