/** Axes: from values to pixels, where lines are drawn across, and how numbers are written beside them. */

export interface Scale {
  readonly low: number;
  readonly high: number;
  /** From 0 at `low` to 1 at `high`. Values that a logarithm does not have are below 0. */
  at(value: number): number;
  /** The value at such a place. */
  value(at: number): number;
  /** Round values from `low` to `high`, about `count` of them. */
  ticks(count: number): number[];
}

/** Equal distances for equal differences. */
export function linearScale(low: number, high: number): Scale {
  const [from, to] = low < high ? [low, high] : [low - 0.5, low + 0.5];
  return {
    ...{ low: from, high: to },
    at: (value) => (value - from) / (to - from),
    value: (at) => from + at * (to - from),
    ticks: (count) => roundValues(from, to, count),
  };
}

/** Equal distances for equal factors; both ends are above 0. */
export function logScale(low: number, high: number): Scale {
  const [from, to] = low < high ? [low, high] : [low / 2, low * 2];
  const inner = linearScale(Math.log10(from), Math.log10(to));
  return {
    ...{ low: from, high: to },
    at: (value) => (value > 0 ? inner.at(Math.log10(value)) : -1),
    value: (at) => 10 ** inner.value(at),
    ticks(count) {
      const powers = inner.high - inner.low;
      // Within one power of ten the values themselves are rounder than their logarithms.
      if (powers < 1) return roundValues(from, to, count).filter((value) => value > 0);
      const every = Math.max(1, Math.ceil(powers / count));
      const factors = powers < count / 3 ? [1, 2, 5] : powers < count / 2 ? [1, 3] : [1];
      const ticks: number[] = [];
      for (let p = Math.floor(inner.low); p <= inner.high; p += every)
        for (const factor of factors) ticks.push(factor * 10 ** p);
      return ticks.filter((value) => value >= from && value <= to);
    },
  };
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function roundValues(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough) ?? 10;
  const step = factor * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** "0.00123", "12.35", "12,350", "1.2e-7": as many digits as tell neighbours apart. */
export function numberText(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e9) return value.toExponential(2).replace(/\.?0+e/, "e");
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(4)));
}

/** "3.2 k", "1.5 M" beside an axis; small values as `numberText` writes them. */
export function axisText(value: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1e9, " G"],
    [1e6, " M"],
    [1e3, " k"],
  ];
  const unit = units.find(([size]) => Math.abs(value) >= size);
  return unit === undefined
    ? numberText(value)
    : `${Number((value / unit[0]).toPrecision(3))}${unit[1]}`;
}

/** "45 s", "3 min 05 s", "2 h 10 min". */
export function durationText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60).toLocaleString("en")} h ${String(minutes % 60).padStart(2, "0")} min`;
}
