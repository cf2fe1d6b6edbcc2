/**
 * What is expected of the elements of a value: where they lie, how large they typically are, how wrong.
 *
 *     normalised()            mean 0, rms 1, nothing beyond ±6
 *     within(-8, 8)           anywhere in there, all of them at the end of it if it comes to the worst
 *
 * Two kinds of knowledge behave differently in sums. Elements with statistics are taken to be independent:
 * K of them add up to K·mean ± 6·√K·deviation. Of elements with a mere range nothing is known but the range,
 * so K of them may reach K times its end.
 */

export interface Spread {
  readonly low: number;
  readonly high: number;
  /** Of the elements; with a mere range, of elements at its end. */
  readonly mean: number;
  readonly rms: number;
  /** Nothing is known but the range. */
  readonly loose: boolean;
  /** Typical error, relative to `rms`. */
  readonly error: number;
  /** Some elements are far below `low` on purpose: the mask of a softmax. */
  readonly masked?: boolean;
  /** The share of elements that carry nearly all of `rms`; all of them if it is not said. */
  readonly density?: number;
}

/** Largest finite fp16. */
export const HALF_LIMIT = 65_504;
/** The accumulator of products ends here (751K M6 study; M1 to M6 in our simulation of ANEForge's runs). */
export const ACCUMULATOR_LIMIT = 32_768;
/** Products are rounded to multiples of this. */
export const PRODUCT_GRID = 2 ** -16;
/** Typical relative error of one rounding to fp16. */
export const ROUNDING = 2.08e-4;
/** How many deviations out an element is still expected. */
export const DEVIATIONS = 6;
/** Constants below this are taken for a mask. */
const MASK = -1e4;

/** Elements of mean 0 and rms `rms`: what a norm leaves. */
export function normalised(rms = 1): Spread {
  return {
    low: -DEVIATIONS * rms,
    high: DEVIATIONS * rms,
    mean: 0,
    rms,
    loose: false,
    error: ROUNDING,
  };
}

/** Elements anywhere between two numbers. */
export function within(low: number, high: number): Spread {
  const rms = Math.max(Math.abs(low), Math.abs(high));
  const mean = Math.abs(low) > Math.abs(high) ? low : high;
  return { low, high, mean, rms, loose: true, error: ROUNDING };
}

/** Elements spread evenly between two numbers, independently: initial weights. */
export function uniform(low: number, high: number): Spread {
  const mean = (low + high) / 2;
  const rms = Math.hypot(mean, (high - low) / Math.sqrt(12));
  return { low, high, mean, rms, loose: false, error: ROUNDING };
}

/** Elements that were seen. A mask among them is set aside. */
export function observed(data: ArrayLike<number>, error = ROUNDING): Spread {
  let [low, high, sum, squares, count] = [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0,
    0,
    0,
  ];
  let masked = false;
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!;
    if (x < MASK && !(x < Number.NEGATIVE_INFINITY)) {
      masked = true;
      continue;
    }
    low = Math.min(low, x);
    high = Math.max(high, x);
    sum += x;
    squares += x * x;
    count += 1;
  }
  if (count === 0) return { ...within(0, 0), masked };
  const spread = { low, high, mean: sum / count, rms: Math.sqrt(squares / count) };
  return { ...spread, loose: false, error, ...(masked ? { masked } : {}) };
}

/** A spread with room around what was seen: both ends `margin` times as far out. */
export function widened(s: Spread, margin: number): Spread {
  return { ...s, low: Math.min(s.low * margin, s.low), high: Math.max(s.high * margin, s.high) };
}

/** The largest magnitude that is expected. */
export function peak({ low, high }: Spread): number {
  return Math.max(Math.abs(low), Math.abs(high));
}

/** Standard deviation of the elements. */
export function deviation({ mean, rms, loose }: Spread): number {
  return loose ? rms : Math.sqrt(Math.max(0, rms * rms - mean * mean));
}

/** All elements multiplied by a number. */
export function scaled(s: Spread, by: number): Spread {
  const ends = [s.low * by, s.high * by];
  return {
    ...s,
    low: Math.min(...ends),
    high: Math.max(...ends),
    mean: s.mean * by,
    rms: s.rms * Math.abs(by),
  };
}

/** A spread from its ends and statistics; the statistics are brought to fit the ends. */
export function settled(s: Spread): Spread {
  const limit = Math.max(Math.abs(s.low), Math.abs(s.high));
  const rms = Math.min(s.rms, limit);
  const mean = Math.min(rms, Math.max(-rms, Math.min(s.high, Math.max(s.low, s.mean))));
  return { ...s, rms, mean };
}

/** x + y, element by element. */
export function sumOf(x: Spread, y: Spread): Spread {
  const loose = x.loose || y.loose;
  const mean = x.mean + y.mean;
  const rms = loose
    ? x.rms + y.rms
    : Math.sqrt(mean * mean + deviation(x) ** 2 + deviation(y) ** 2);
  const error = rms === 0 ? ROUNDING : Math.hypot(x.error * x.rms, y.error * y.rms) / rms;
  return settled({
    low: x.low + y.low,
    high: x.high + y.high,
    mean,
    rms,
    loose,
    error: Math.hypot(Math.min(1, error), ROUNDING),
    ...(x.masked === true || y.masked === true ? { masked: true } : {}),
  });
}

/** x · y, element by element, of values that do not depend on each other. */
export function productOf(x: Spread, y: Spread): Spread {
  const ends = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
  return settled({
    low: Math.min(...ends),
    high: Math.max(...ends),
    mean: x.mean * y.mean,
    rms: x.rms * y.rms,
    loose: x.loose || y.loose,
    error: Math.hypot(x.error, y.error, ROUNDING),
  });
}

/** The sum of `count` elements. Sums of squares are never negative, and seldom near 0. */
export function totalOf(x: Spread, count: number): Spread {
  const hard = { low: count * x.low, high: count * x.high };
  if (x.loose || count < 2) return { ...x, ...hard, mean: count * x.mean, rms: count * x.rms };
  const mean = count * x.mean;
  const spread = Math.sqrt(count) * deviation(x);
  const out = DEVIATIONS * spread;
  const low = x.low >= 0 ? lowestSum(x, count) : mean - out;
  return settled({
    low: Math.max(hard.low, low),
    high: Math.min(hard.high, mean + out),
    mean,
    rms: Math.hypot(mean, spread),
    loose: false,
    error: Math.hypot(x.error, ROUNDING),
  });
}

/** Wilson and Hilferty: the cube root of a sum of squares is nearly normal. */
function lowestSum(x: Spread, count: number): number {
  if (x.mean === 0) return 0;
  const share = deviation(x) / x.mean / (3 * Math.sqrt(count));
  return count * x.mean * Math.max(0, 1 - share * share - DEVIATIONS * share) ** 3;
}

/** A sum of `count` products of x and y: one element of a matmul. */
export function dotOf(x: Spread, y: Spread, count: number): Spread {
  const ends = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
  const hard = { low: count * Math.min(...ends), high: count * Math.max(...ends) };
  const error = Math.hypot(x.error, y.error, ROUNDING, gridError(x, y));
  if (x.loose && y.loose) {
    return {
      ...hard,
      mean: count * x.mean * y.mean,
      rms: count * x.rms * y.rms,
      loose: true,
      error,
    };
  }
  const free = x.loose || y.loose;
  // What is known of one side only adds up as its own mean and deviation do.
  const [known, bound] = x.loose ? [y, x] : [x, y];
  const mean = free ? count * known.mean * bound.mean : count * x.mean * y.mean;
  const variance = free
    ? (bound.rms * deviation(known)) ** 2
    : Math.max(0, (x.rms * y.rms) ** 2 - (x.mean * y.mean) ** 2);
  const spread = Math.sqrt(count * variance);
  const [low, high] = free ? [-Math.abs(mean), Math.abs(mean)] : [mean, mean];
  return settled({
    low: Math.max(hard.low, low - DEVIATIONS * spread),
    high: Math.min(hard.high, high + DEVIATIONS * spread),
    mean,
    rms: Math.hypot(mean, spread),
    loose: false,
    error: Math.min(1, error),
  });
}

/**
 * Relative error of a product by the accumulator's grid: 2^-16/√12 / (σx·σw), whatever the length of
 * the sum. All products are lost where it reaches 1.
 */
export function gridError(x: Spread, y: Spread): number {
  const size = productSize(x, y);
  return size === 0 ? 0 : Math.min(1, PRODUCT_GRID / Math.sqrt(12) / size);
}

/** Typical size of the products of x and y that count. */
export function productSize(x: Spread, y: Spread): number {
  return (x.rms * y.rms) / Math.sqrt((x.density ?? 1) * (y.density ?? 1));
}
