/**
 * What an op makes of the spreads of its operands.
 *
 * Each rule is a bound and a typical size, no more: `exp` maps the ends, and takes elements with
 * statistics for normally distributed. Ops on two values take them as independent, but for the
 * patterns that programs rely on (`patterns.ts`).
 */
import { deviation, productOf, ROUNDING, type Spread, scaled, settled, sumOf } from "./spread.ts";

export type UnaryRule = (x: Spread) => Spread;

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

/** Typical relative errors of the engine's tables (sbryngelson/ANEForge's sweep). */
const TABLE = {
  exp: 4.7e-4,
  log: 8e-4,
  sigmoid: 3.8e-3,
  tanh: 1.3e-3,
  silu: 1e-2,
  gelu: 2.4e-3,
  erf: 7e-4,
  sqrt: 3e-4,
} as const;

/** A rising function: ends map to ends; statistics from seven points of the distribution. */
function rising(f: (v: number) => number, table: number): UnaryRule {
  return (x) => {
    const [low, high] = [f(x.low), f(x.high)];
    const { mean, rms } = moments(x, f);
    const s = settled({ low, high, mean, rms, loose: x.loose, error: 0 });
    return { ...s, error: carried(x, s, f, table) };
  };
}

const POINTS = [
  [-2.65, 0.0005],
  [-1.67, 0.031],
  [-0.82, 0.24],
  [0, 0.457],
  [0.82, 0.24],
  [1.67, 0.031],
  [2.65, 0.0005],
] as const;

function moments(x: Spread, f: (v: number) => number): { mean: number; rms: number } {
  if (x.loose) {
    const ends = [f(x.low), f(x.high)];
    const far = Math.abs(ends[0]!) > Math.abs(ends[1]!) ? ends[0]! : ends[1]!;
    return { mean: far, rms: Math.abs(far) };
  }
  const spread = deviation(x);
  let [mean, squares, weights] = [0, 0, 0];
  for (const [at, weight] of POINTS) {
    const y = f(Math.min(x.high, Math.max(x.low, x.mean + at * spread)));
    if (!Number.isFinite(y)) continue;
    mean += weight * y;
    squares += weight * y * y;
    weights += weight;
  }
  return { mean: mean / weights, rms: Math.sqrt(squares / weights) };
}

/** The operand's error through the slope at its typical size, and the table's own. */
function carried(x: Spread, out: Spread, f: (v: number) => number, table: number): number {
  const size = x.rms === 0 ? 1e-6 : x.rms;
  const step = 1e-3 * size;
  const slope = Math.max(
    ...[x.mean, x.mean + deviation(x), x.mean - deviation(x)].map((v) => {
      const at = Math.min(x.high, Math.max(x.low, v));
      const rise = Math.abs(f(at + step) - f(at - step)) / (2 * step);
      return Number.isFinite(rise) ? rise : 0;
    }),
  );
  const fromInput = out.rms === 0 ? 0 : (slope * x.error * x.rms) / out.rms;
  return Math.min(1, Math.hypot(fromInput, table, ROUNDING));
}

/** A function that is not rising: its ends are the extremes over a row of points. */
function sampled(f: (v: number) => number, table: number): UnaryRule {
  return (x) => {
    const points = Array.from({ length: 129 }, (_, i) => x.low + ((x.high - x.low) * i) / 128);
    if (x.low < 0 && x.high > 0) points.push(0);
    const values = points.map(f);
    const { mean, rms } = moments(x, f);
    const ends = { low: Math.min(...values), high: Math.max(...values) };
    const s = settled({ ...ends, mean, rms, loose: x.loose, error: 0 });
    return { ...s, error: carried(x, s, f, table) };
  };
}

const silu = (v: number): number => v * sigmoid(v);
const gelu = (v: number): number =>
  0.5 * v * (1 + Math.tanh(0.7978845608 * (v + 0.044715 * v ** 3)));
const softplus = (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));

/** x², of one value with itself. */
export const squareOf: UnaryRule = (x) => {
  const far = Math.max(x.low * x.low, x.high * x.high);
  const low = x.low <= 0 && x.high >= 0 ? 0 : Math.min(x.low * x.low, x.high * x.high);
  const error = Math.hypot(2 * x.error, ROUNDING);
  if (x.loose) return { low, high: far, mean: far, rms: far, loose: true, error };
  // Of normal elements: E x² = m² + s², E x⁴ = m⁴ + 6 m²s² + 3 s⁴.
  const [m, s] = [x.mean ** 2, deviation(x) ** 2];
  const rms = Math.sqrt(m * m + 6 * m * s + 3 * s * s);
  return settled({ low, high: far, mean: m + s, rms, loose: false, error });
};

/** Ops on one value by name. Undefined places (log 0) are for the caller to find first. */
export const UNARY: ReadonlyMap<string, UnaryRule> = new Map<string, UnaryRule>([
  ["exp", rising(Math.exp, TABLE.exp)],
  ["exp2", rising((v) => 2 ** v, TABLE.exp)],
  ["sigmoid", rising(sigmoid, TABLE.sigmoid)],
  ["tanh", rising(Math.tanh, TABLE.tanh)],
  ["erf", rising((v) => Math.tanh(1.128379 * v + 0.1 * v ** 3), TABLE.erf)],
  ["softplus", rising(softplus, TABLE.exp)],
  ["relu", rising((v) => Math.max(0, v), 0)],
  ["relu6", rising((v) => Math.min(6, Math.max(0, v)), 0)],
  ["sqrt", rising((v) => Math.sqrt(Math.max(0, v)), TABLE.sqrt)],
  ["silu", sampled(silu, TABLE.silu)],
  ["gelu", sampled(gelu, TABLE.gelu)],
  ["abs", sampled(Math.abs, 0)],
  ["square", squareOf],
  ["sin", () => ({ ...UNIT, low: -1 })],
  ["cos", () => ({ ...UNIT, low: -1 })],
  ["floor", (x) => ({ ...x, low: Math.floor(x.low) })],
  ["ceil", (x) => ({ ...x, high: Math.ceil(x.high) })],
  ["round", (x) => x],
]);

/** Values between 0 and 1 of no particular kind. */
export const UNIT: Spread = { low: 0, high: 1, mean: 0.5, rms: 0.6, loose: false, error: ROUNDING };

/** x + epsilon to the power −½; `low` must be positive. */
export function rsqrtOf(x: Spread, epsilon: number): Spread {
  const shifted = { ...x, low: x.low + epsilon, high: x.high + epsilon, mean: x.mean + epsilon };
  const falling = sampled((v) => 1 / Math.sqrt(Math.max(v, 2 ** -24)), TABLE.sqrt);
  return falling(settled({ ...shifted, rms: x.rms + epsilon }));
}

/** ln(x + epsilon). */
export function logOf(x: Spread, epsilon: number): Spread {
  const f = (v: number): number => Math.log(Math.max(v + epsilon, 2 ** -24));
  return rising(f, TABLE.log)(x);
}

/** 1/x of values on one side of 0. */
export function inverseOf(x: Spread): Spread {
  const safe = (v: number): number =>
    Math.abs(v) < 2 ** -24 ? Math.sign(v || 1) * 2 ** 24 : 1 / v;
  return sampled(safe, TABLE.sqrt)(x);
}

/** x to a constant power. */
export function powerOf(x: Spread, power: number): Spread {
  if (power === 2) return squareOf(x);
  if (power === 1) return x;
  const f = (v: number): number => Math.max(v, power < 0 ? 2 ** -24 : 0) ** power;
  const g = Number.isInteger(power) && power > 0 ? (v: number): number => v ** power : f;
  return sampled(g, TABLE.exp)(x);
}

/** x − y. */
export function differenceOf(x: Spread, y: Spread): Spread {
  return sumOf(x, scaled(y, -1));
}

/** x / y, y on one side of 0. */
export function quotientOf(x: Spread, y: Spread): Spread {
  return productOf(x, inverseOf(y));
}

/** Either of two, one element at a time. */
export function eitherOf(x: Spread, y: Spread): Spread {
  return {
    low: Math.min(x.low, y.low),
    high: Math.max(x.high, y.high),
    mean: (x.mean + y.mean) / 2,
    rms: Math.max(x.rms, y.rms),
    loose: x.loose || y.loose,
    error: Math.max(x.error, y.error),
    ...(x.masked === true || y.masked === true ? { masked: true } : {}),
  };
}

/** e^x / Σ e^x over `count` elements. */
export function softmaxOf(x: Spread, count: number): Spread {
  const spread = x.loose ? (x.high - x.low) / 2 : deviation(x);
  // Behind a causal mask row i shares 1 among i elements: Σ 1/i ≈ ln n + 0.577.
  const rows = x.masked === true ? Math.sqrt(Math.log(count) + 0.577) : 1;
  const rms = Math.min(1, (rows * Math.exp((spread * spread) / 2)) / count);
  // What is wrong with a logit is wrong with the share of its exponential.
  const error = Math.min(1, Math.hypot(x.error * x.rms, TABLE.exp, ROUNDING));
  return { low: 0, high: 1, mean: 1 / count, rms, loose: false, error };
}

/** The largest or smallest of `count` elements. */
export function extremeOf(x: Spread, count: number, sign: 1 | -1): Spread {
  const out = deviation(x) * Math.sqrt(2 * Math.log(Math.max(2, count)));
  const mean = Math.min(x.high, Math.max(x.low, x.mean + sign * out));
  return settled({ ...x, mean, rms: Math.max(Math.abs(mean), deviation(x)) });
}
