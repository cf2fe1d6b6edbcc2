/** What a chart does with the values of a line before it draws them. */

/** Values of a line; null where there is none. */
export type LineValues = readonly (number | null)[];

/**
 * The exponential moving average with weight `w` for what was, without the pull of its beginning:
 *
 *     s_n = w · s_(n−1) + (1 − w) · y_n,     drawn: s_n / (1 − w^n)
 *
 * A weight of 0 leaves the values as they are. Those that are missing stay so.
 */
export function smoothed(values: LineValues, weight: number): LineValues {
  if (weight <= 0) return values;
  let sum = 0;
  let part = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    part = weight * part + (1 - weight);
    return sum / part;
  });
}

/** The place of the last of some rising numbers that is not above `x`; -1 if there is none. */
export function lastNotAbove(rising: readonly number[], x: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The place of the one nearest to `x` that has a value; -1 if there is none. */
export function nearestPoint(rising: readonly number[], values: LineValues, x: number): number {
  const at = lastNotAbove(rising, x);
  let [before, after] = [at, at + 1];
  while (before >= 0 && values[before] === null) before -= 1;
  while (after < rising.length && values[after] === null) after += 1;
  if (before < 0) return after < rising.length ? after : -1;
  if (after >= rising.length) return before;
  return x - rising[before]! <= rising[after]! - x ? before : after;
}

/** The lowest and highest of some values; undefined if there are none. */
export function extent(lists: readonly LineValues[]): readonly [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const list of lists) {
    for (const value of list) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : undefined;
}
