/**
 * The engine's functions of one element: 33 fp16 points with straight lines between them.
 *
 * Published (751K M6 study, M4 and M6; joshuaswarren/mil-hwx-compiler: the same tables on M1, M2 and
 * M4): that there are 33 points, where they lie, the largest errors, and the few values in `STORED`.
 * Not published: all other values, what lies beyond the ends, and how arguments are brought into range.
 *
 *     function            points                    values here          largest error, published
 *     sigmoid             −8 … 8, step 1/2          sampled              3.4e-3
 *     tanh                0 … 4, step 1/8, odd      sampled              1.6e-3
 *     erf                 0 … 2, step 1/16, odd     sampled              8.6e-4
 *     gelu                −4 … 4, step 1/4          sampled, `STORED`    6.2e-3
 *     silu                −8 … 8, step 1/2          sampled, `STORED`    1.5e-2
 *     sin                 0 … π/2, step π/64        sampled              6.3e-4
 *     exp, exp2           2^(i/32)                  sampled              9.1 ulp (1.1 here)
 *     sqrt, rsqrt         0 … 2, step 1/16          sampled              1.2 and 2.1 ulp
 *     log, inverse        not known which           the function         91 and 13.5 ulp
 *
 * The stored values of gelu and silu are said to be fitted; sampled ones stand in for those that are
 * not published. That sqrt and rsqrt read their points between 1/2 and 2 is inferred: it gives the
 * published errors. Beyond the ends sigmoid and tanh keep the last point, gelu and silu are x or 0, and
 * erf goes on in a line to 1, with a slope that keeps the published error. `rsqrt`, `log` and `inverse` of
 * less than 2^-17 are infinities (AmiraniLabs/libane, jafreck/ironmill).
 */
import { erfOf } from "../../ops/erf.ts";
import { sigmoid as sigmoidOf, softplus as softplusOf } from "../special.ts";
import { roundHalfAway } from "./half_away.ts";

const POINTS = 33;

interface Table {
  readonly low: number;
  readonly step: number;
  readonly points: Float64Array;
}

function sampled(
  low: number,
  step: number,
  f: (x: number) => number,
  stored: Readonly<Record<number, number>> = {},
): Table {
  const points = Float64Array.from({ length: POINTS }, (_, i) => {
    const x = low + i * step;
    return roundHalfAway(stored[x] ?? f(x));
  });
  return { low, step, points };
}

/** The line between the two points around x; beyond the ends the points there. */
function read({ low, step, points }: Table, x: number): number {
  const place = (x - low) / step;
  if (!(place > 0)) return points[0]!;
  if (place >= POINTS - 1) return points[POINTS - 1]!;
  const i = Math.floor(place);
  return points[i]! + (points[i + 1]! - points[i]!) * (place - i);
}

const odd =
  (f: (x: number) => number) =>
  (x: number): number =>
    x < 0 ? -f(-x) : f(x);

/** Published values, by x. */
export const STORED = {
  gelu: { 0: -0.000754, 0.25: 0.1436 },
  silu: { 0.5: 0.296 },
} as const;

const sigmoidTable = sampled(-8, 1 / 2, sigmoidOf);
const tanhTable = sampled(0, 1 / 8, Math.tanh);
const erfTable = sampled(0, 1 / 16, erfOf);
const geluTable = sampled(-4, 1 / 4, (x) => 0.5 * x * (1 + erfOf(x / Math.SQRT2)), STORED.gelu);
const siluTable = sampled(-8, 1 / 2, (x) => x * sigmoidOf(x), STORED.silu);
const sinTable = sampled(0, Math.PI / 64, Math.sin);
const powerTable = sampled(0, 1 / 32, (x) => 2 ** x);
const sqrtTable = sampled(0, 1 / 16, Math.sqrt);
const rsqrtTable = sampled(0, 1 / 16, (x) => 1 / Math.sqrt(Math.max(x, 1 / 16)));

const ERF_SLOPE = 1 / 80;

/** Nothing below has a root, a logarithm or an inverse (fact: small_epsilon). */
const SMALLEST = 2 ** -17;

/** ln 65504: from here on softplus is 0. */
const SOFTPLUS_END = Math.log(65504);

function exp2(x: number): number {
  const whole = Math.floor(x);
  if (whole > 20) return Number.POSITIVE_INFINITY;
  return whole < -40 ? 0 : read(powerTable, x - whole) * 2 ** whole;
}

function sin(x: number): number {
  const quarters = Math.floor(x / (Math.PI / 2));
  const rest = x - quarters * (Math.PI / 2);
  const size = read(sinTable, quarters % 2 === 0 ? rest : Math.PI / 2 - rest);
  return ((quarters % 4) + 4) % 4 >= 2 ? -size : size;
}

/** f(x) for x = m · 4^e with m from 1/2 to 2; `power` is that of 2^e in the result. */
function ofRoot(table: Table, x: number, power: 1 | -1): number {
  const e = Math.floor((Math.log2(x) + 1) / 2);
  return read(table, x / 4 ** e) * 2 ** (power * e);
}

const isPositive = (x: number): boolean => x > 0 && Number.isFinite(x);

/**
 * The functions by the names of their ops. They take decoded numbers (`half_away.ts`), in which infinity
 * is 65536, and their results are not rounded yet.
 */
export const TABLES = {
  sigmoid: (x: number): number => read(sigmoidTable, x),
  tanh: odd((x) => read(tanhTable, x)),
  erf: odd((x) =>
    x < 2 ? read(erfTable, x) : Math.min(1, read(erfTable, 2) + (x - 2) * ERF_SLOPE),
  ),
  gelu: (x: number): number => (x > 4 ? x : x < -4 ? 0 : read(geluTable, x)),
  silu: (x: number): number => (x > 8 ? x : x < -8 ? 0 : read(siluTable, x)),
  softplus: (x: number): number => (x >= SOFTPLUS_END ? 0 : softplusOf(x)),
  exp: (x: number): number => exp2(x * Math.LOG2E),
  exp2,
  sin,
  // cos(∞) is 0.
  cos: (x: number): number => (Math.abs(x) >= 65536 ? 0 : sin(x + Math.PI / 2)),
  sqrt: (x: number): number => (isPositive(x) ? ofRoot(sqrtTable, x, 1) : Math.sqrt(x)),
  rsqrt: (x: number): number => {
    if (x >= 0 && x < SMALLEST) return Number.POSITIVE_INFINITY;
    return isPositive(x) ? ofRoot(rsqrtTable, x, -1) : 1 / Math.sqrt(x);
  },
  // ln(∞) is 0.
  log: (x: number): number => {
    if (x >= 0 && x < SMALLEST) return Number.NEGATIVE_INFINITY;
    return x >= 65536 ? 0 : Math.log(x);
  },
  inverse: (x: number): number => 1 / (Math.abs(x) < SMALLEST ? x * 0 : x),
} as const;

/** Functions whose points are published, all of one argument. */
export type TableName = keyof typeof TABLES;
