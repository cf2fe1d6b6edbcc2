/** The spread of an op's result, by the op's name. */
import type { Statement, Value } from "../../mil/tree.ts";
import {
  argument,
  axisFrom0,
  elementCount,
  int,
  ints,
  type MilView,
  numbersOf,
  operand,
  result,
  scalar,
  type Tensor,
} from "../facts/walk.ts";
import { elementsOf } from "./constants.ts";
import { normalisedOperand, shareOfSum, shiftedBelowZero } from "./patterns.ts";
import {
  differenceOf,
  eitherOf,
  extremeOf,
  inverseOf,
  logOf,
  powerOf,
  quotientOf,
  rsqrtOf,
  softmaxOf,
  squareOf,
  UNARY,
} from "./rules.ts";
import {
  ACCUMULATOR_LIMIT,
  DEVIATIONS,
  deviation,
  dotOf,
  gridError,
  observed,
  productOf,
  productSize,
  ROUNDING,
  type Spread,
  scaled,
  settled,
  sumOf,
  totalOf,
  within,
} from "./spread.ts";

/** A statement and the spreads of what it reads. */
export interface TransferSite {
  readonly view: MilView;
  readonly s: Statement;
  readonly valueOf: (name: string) => Spread | undefined;
}

/** What a rule found out. */
export interface Found {
  readonly spread: Spread;
  /** The largest value inside the op, if it is larger than its result. */
  readonly inside?: number;
  /** The operand's nearest value to where the op is not defined. */
  readonly undefinedAt?: number;
  readonly mend?: string;
  readonly product?: { readonly size: number; readonly grid: number; readonly limit: number };
  /** The result holds elements of the operand. */
  readonly passes?: boolean;
}

type Rule = (site: TransferSite) => Found | undefined;

const value = ({ s }: TransferSite, name: string): Value | undefined => argument(s, name)?.value;

/** The spread of an argument: a value's, or a literal's own. */
function spreadAt(site: TransferSite, given: Value | undefined): Spread | undefined {
  if (given === undefined) return undefined;
  if (given.kind === "name") return site.valueOf(given.name);
  const elements = elementsOf(given);
  return elements === undefined ? undefined : observed(Array.from(elements));
}

const at = (site: TransferSite, name: string): Spread | undefined =>
  spreadAt(site, value(site, name));

const one =
  (rule: (x: Spread, site: TransferSite) => Spread, passes = false): Rule =>
  (site) => {
    const x = at(site, "x");
    return x === undefined ? undefined : { spread: rule(x, site), passes };
  };

const two =
  (rule: (x: Spread, y: Spread, site: TransferSite) => Found | Spread): Rule =>
  (site) => {
    const [x, y] = [at(site, "x"), at(site, "y")];
    if (x === undefined || y === undefined) return undefined;
    const found = rule(x, y, site);
    return "spread" in found ? found : { spread: found };
  };

const passed = one((x) => x, true);

/** Several values side by side. */
const joined: Rule = (site) => {
  const given = value(site, "values");
  const items = given?.kind === "tuple" || given?.kind === "list" ? given.items : [];
  const spreads = items.map((item) => spreadAt(site, item));
  if (spreads.length === 0 || spreads.some((s) => s === undefined)) return undefined;
  return { spread: (spreads as Spread[]).reduce(eitherOf), passes: true };
};

/** How many elements of x one element of the result is made of. */
function reducedCount(site: TransferSite): number {
  const x = operand(site, "x")?.shape ?? [];
  const axes = ints(site, "axes") ?? x.map((_, i) => i);
  return Math.max(1, elementCount(axes.map((a) => x[axisFrom0(a, x.length)] ?? 1)));
}

const SUM_MEND =
  "take the mean instead of the sum, or scale the operand by a power of two first: for a sum of squares, by 2^-4 before squaring and the sum by 2^8";

const total: Rule = one((x, site) => totalOf(x, reducedCount(site)));

const sum: Rule = (site) => {
  const found = total(site);
  return found === undefined ? undefined : { ...found, mend: SUM_MEND };
};

const mean: Rule = one((x, site) => {
  const count = reducedCount(site);
  return { ...scaled(totalOf(x, count), 1 / count), error: x.error };
});

const SHIFT = "subtract the largest element along the axis first; the result gets it back";

/** log Σ exp without a shift: the sum of exponentials is stored as fp16 (apple/coremltools issue 2690). */
const logSumExp: Rule = (site) => {
  const x = at(site, "x");
  if (x === undefined) return undefined;
  const count = reducedCount(site);
  const exponentials = totalOf(UNARY.get("exp")!(x), count);
  const spread = logOf(exponentials, 0);
  return { spread, inside: exponentials.high, mend: SHIFT };
};

/** Inputs of roots, logarithms and inverses below this give infinity (AmiraniLabs/libane, jafreck/ironmill). */
const SMALLEST = 2 ** -17;

const guarded =
  (rule: (x: Spread, epsilon: number) => Spread): Rule =>
  (site) => {
    const x = at(site, "x");
    if (x === undefined) return undefined;
    const epsilon = scalar(site, "epsilon") ?? 0;
    const nearest = x.low + epsilon;
    const undefinedAt = nearest < SMALLEST && x.low <= 0 ? { undefinedAt: nearest } : {};
    return { spread: rule(x, epsilon), ...undefinedAt };
  };

const power: Rule = (site) => {
  const x = at(site, "x");
  const exponent = numbersOf(site.view, value(site, "y"), 1)?.[0];
  if (x === undefined || exponent === undefined) return undefined;
  const fails = exponent < 0 && x.low < SMALLEST && x.high > -SMALLEST;
  return { spread: powerOf(x, exponent), ...(fails ? { undefinedAt: x.low } : {}) };
};

const division: Rule = (site) => {
  const share = shareOfSum(site.view, site.s);
  const x = at(site, "x");
  if (share !== undefined && x !== undefined) return { spread: shareSpread(x) };
  const norm = normalisedSpread(site);
  if (norm !== undefined) return { spread: norm };
  return two((p, q): Found => {
    const isAtZero = q.low < SMALLEST && q.high > -SMALLEST;
    return { spread: quotientOf(p, q), ...(isAtZero ? { undefinedAt: 0 } : {}) };
  })(site);
};

const shareSpread = (x: Spread): Spread => ({
  low: 0,
  high: 1,
  mean: 0.1,
  rms: 0.2,
  loose: false,
  error: Math.hypot(x.error, ROUNDING),
});

/** x over its own rms: rms 1, and no element beyond √n. */
function normalisedSpread(site: TransferSite): Spread | undefined {
  const found = normalisedOperand(site.view, site.s);
  const x = spreadAt(site, found?.x);
  if (found === undefined || x === undefined) return undefined;
  const shape = found.x.kind === "name" ? operandShape(site, found.x.name) : [];
  const count = shape.at(-1) ?? 1;
  const rms = found.by === "mean" ? 1 : 1 / Math.sqrt(count);
  const shareOfMean = x.loose || x.rms === 0 ? 0 : x.mean / x.rms;
  const most =
    Math.min(
      Math.sqrt(count),
      x.loose
        ? Math.sqrt(count)
        : Math.max(DEVIATIONS, x.rms === 0 ? 0 : Math.max(Math.abs(x.low), x.high) / x.rms),
    ) * rms;
  return settled({
    low: -most,
    high: most,
    mean: shareOfMean * rms,
    rms,
    loose: false,
    error: Math.hypot(x.error, 2 * ROUNDING),
  });
}

function operandShape(site: TransferSite, name: string): readonly number[] {
  const type = site.view.types.get(name);
  return type?.kind === "tensor" ? type.shape.map((n) => (n === "?" ? 1 : n)) : [];
}

const multiplied: Rule = (site) => {
  const norm = normalisedSpread(site);
  if (norm !== undefined) return { spread: norm };
  const share = spreadAt(site, shareOfSum(site.view, site.s));
  if (share !== undefined) return { spread: shareSpread(share) };
  const [x, y] = [value(site, "x"), value(site, "y")];
  if (x?.kind === "name" && y?.kind === "name" && x.name === y.name) return one(squareOf)(site);
  return two(productOf)(site);
};

const subtracted: Rule = (site) => {
  const x = spreadAt(site, shiftedBelowZero(site.view, site.s));
  if (x === undefined) return two(differenceOf)(site);
  const low = x.low - x.high;
  const mean = x.loose ? low : Math.max(low, x.mean - x.high);
  const rms = x.loose ? -low : Math.hypot(mean, deviation(x));
  return { spread: settled({ ...x, low, high: 0, mean, rms }) };
};

// --- Products ------------------------------------------------------------------------------------

function product(x: Spread, y: Spread, count: number, bias?: Spread): Found {
  const dot = dotOf(x, y, count);
  const spread = bias === undefined ? dot : sumOf(dot, bias);
  const size = productSize(x, y);
  return { spread, product: { size, grid: gridError(x, y), limit: ACCUMULATOR_LIMIT } };
}

const matmul: Rule = two((x, y, site) => {
  const shape = operand(site, "x")?.shape ?? [];
  const count = shape.at(int(site, "transpose_x", 0) === 0 ? -1 : -2) ?? 1;
  return product(x, y, count);
});

/** `linear` and `conv`: elements of the weights that one output channel reads. */
const weighted: Rule = (site) => {
  const [x, w] = [at(site, "x"), at(site, "weight")];
  const shape: Tensor["shape"] = operand(site, "weight")?.shape ?? [];
  if (x === undefined || w === undefined) return undefined;
  return product(x, w, elementCount(shape.slice(1)), at(site, "bias"));
};

const attention: Rule = (site) => {
  const [q, k, v] = [at(site, "query"), at(site, "key"), at(site, "value")];
  if (q === undefined || k === undefined || v === undefined) return undefined;
  const width = operand(site, "query")?.shape.at(-1) ?? 1;
  const length = operand(site, "key")?.shape.at(-2) ?? 1;
  const scores = dotOf(scaled(q, 1 / Math.sqrt(width)), k, width);
  const found = product(softmaxOf(scores, length), v, length);
  const most = Math.max(Math.abs(v.low), Math.abs(v.high));
  return { ...found, spread: { ...found.spread, low: -most, high: most } };
};

// --- The table -----------------------------------------------------------------------------------

const PASSED =
  "identity cast reshape transpose expand_dims squeeze tile slice_by_size slice_by_index gather gather_along_axis split reverse upsample_nearest_neighbor max_pool space_to_depth depth_to_space pixel_shuffle";

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...PASSED.split(" ").map((op): [string, Rule] => [op, passed]),
  ...[...UNARY].map(([op, rule]): [string, Rule] => [op, one(rule)]),
  ["concat", joined],
  ["stack", joined],
  ["pad", one((x) => ({ ...eitherOf(x, { ...within(0, 0), loose: false }), rms: x.rms }), true)],
  ["add", two(sumOf)],
  ["sub", subtracted],
  ["mul", multiplied],
  ["real_div", division],
  ["pow", power],
  ["maximum", two((x, y) => ({ ...eitherOf(x, y), low: Math.max(x.low, y.low) }))],
  ["minimum", two((x, y) => ({ ...eitherOf(x, y), high: Math.min(x.high, y.high) }))],
  ["clip", one((x, site) => clip(x, scalar(site, "alpha"), scalar(site, "beta")))],
  ["select", chosen],
  ["matmul", matmul],
  ["linear", weighted],
  ["conv", weighted],
  ["conv_transpose", weighted],
  ["scaled_dot_product_attention", attention],
  ["reduce_sum", sum],
  ["reduce_mean", mean],
  ["avg_pool", passed],
  ["reduce_max", one((x, site) => extremeOf(x, reducedCount(site), 1))],
  ["reduce_min", one((x, site) => extremeOf(x, reducedCount(site), -1))],
  ["reduce_sum_square", (site) => sumOfSquares(site)],
  [
    "reduce_l2_norm",
    (site) => {
      const squares = sumOfSquares(site);
      if (squares === undefined) return undefined;
      const spread = powerOf(squares.spread, 0.5);
      return { spread, inside: squares.spread.high, mend: SUM_MEND };
    },
  ],
  ["reduce_log_sum_exp", logSumExp],
  ["log", guarded(logOf)],
  ["rsqrt", guarded(rsqrtOf)],
  ["inverse", guarded((x, epsilon) => inverseOf({ ...x, low: x.low + epsilon }))],
  ["softmax", one((x, site) => softmaxOf(x, softmaxCount(site)))],
  [
    "layer_norm",
    one((x) => ({ ...x, low: -DEVIATIONS, high: DEVIATIONS, mean: 0, rms: 1, loose: false })),
  ],
]);

function sumOfSquares(site: TransferSite): Found | undefined {
  const x = at(site, "x");
  if (x === undefined) return undefined;
  return { spread: totalOf(squareOf(x), reducedCount(site)), mend: SUM_MEND };
}

function softmaxCount(site: TransferSite): number {
  const shape = operand(site, "x")?.shape ?? [];
  return Math.max(1, shape[axisFrom0(int(site, "axis", -1), shape.length)] ?? 1);
}

function clip(x: Spread, low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY): Spread {
  const inside = (v: number): number => Math.min(high, Math.max(low, v));
  return settled({ ...x, low: inside(x.low), high: inside(x.high) });
}

function chosen(site: TransferSite): Found | undefined {
  const [a, b] = [at(site, "a"), at(site, "b")];
  if (a === undefined || b === undefined) return undefined;
  return { spread: eitherOf(a, b), passes: true };
}

/** What an op makes, or undefined if there is no rule for it or nothing is known of its operands. */
export function spreadOf(site: TransferSite): Found | undefined {
  const out = result(site.s);
  if (out === undefined || out.element === "bool" || out.element.includes("int")) {
    return { spread: within(0, 1), passes: true };
  }
  return RULES.get(site.s.op)?.(site);
}
