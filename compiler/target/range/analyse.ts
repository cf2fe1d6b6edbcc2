/**
 * Ranges and errors through a function: what each value may reach, and where that is too far.
 *
 *     const { hazards } = analyseRanges(program, { inputs: { x: within(-8, 8) } });
 *
 * Two limits matter. A value that is stored must fit fp16. A product is added up in 32 bits with 16 behind
 * the point: at 32,768 it is infinite, and what is below 2^-16 is lost (751K M6 study; the rule gives the errors
 * of sbryngelson/ANEForge's runs on six chips to the last digit).
 */
import type { Block } from "../../bundle/manifest.ts";
import type { WeightResolver } from "../../mil/interpret.ts";
import type { MilProgram, Statement } from "../../mil/tree.ts";
import { bug } from "../../support/bug.ts";
import type { Span } from "../../support/source.ts";
import { type ChipName, familyOf } from "../chip_names.ts";
import { argument, ints, type MilView, result, viewsOf } from "../facts/walk.ts";
import { constantSpread, largestChannel } from "./constants.ts";
import { HALF_LIMIT, normalised, peak, type Spread } from "./spread.ts";
import { type Found, spreadOf } from "./transfer.ts";

/** What is known before the walk. */
export interface RangeOptions {
  /** By input name; inputs that are not here get `otherwise`. */
  readonly inputs?: Readonly<Record<string, Spread>>;
  /** Default: normalised activations. */
  readonly otherwise?: Spread;
  /** What values were seen to be, by name: `calibrate` makes it. */
  readonly observed?: ReadonlyMap<string, Observed>;
  readonly weights?: WeightResolver;
  /** Spreads of constants, filled by the walk: for several calls of one program. */
  readonly constants?: Map<string, Spread>;
  /** For limits that only some chips have. */
  readonly chip?: ChipName;
  /** Inputs that a loss scale multiplies. */
  readonly seeds?: ReadonlySet<string>;
  /** Inputs with several values on them, which slices take apart. */
  readonly regions?: Readonly<Record<string, readonly Region[]>>;
  /** Default: `main`, or the first function. */
  readonly function?: string;
}

/** A value on an input [1, C, 1, W]. */
export interface Region {
  readonly block: Block;
  readonly spread: Spread;
  /** Whether a loss scale multiplies it. */
  readonly scales: boolean;
}

export interface Observed {
  readonly spread: Spread;
  /** Index of the largest element. */
  readonly at: readonly number[];
}

/**
 * `storage`: beyond fp16. `accumulator`: a product beyond 32,768. `undefined`: a logarithm, root or
 * quotient at 0. `vanishing`: too small for fp16. `grid`: a product whose terms are too small for the
 * accumulator. `slice`: beyond what a slice of the last axis carries on the M1 and M2.
 */
export type HazardKind = "storage" | "accumulator" | "undefined" | "vanishing" | "grid" | "slice";

export interface Hazard {
  readonly kind: HazardKind;
  /** The value that an op makes. */
  readonly value: string;
  readonly op: string;
  readonly span: Span | undefined;
  /** The largest magnitude that is expected; for `grid` the relative error. */
  readonly reach: number;
  readonly limit: number;
  /** The element or channel that goes furthest, where it is known. */
  readonly where?: string;
  /** What to do about it, at which value. */
  readonly mend: string;
}

/** A product, for the choice of a loss scale. */
export interface ProductSize {
  readonly value: string;
  /** Product of the operands' typical sizes. */
  readonly size: number;
  readonly peak: number;
  /** Whether the loss scale multiplies it. */
  readonly scales: boolean;
}

export interface RangeAnalysis {
  readonly values: ReadonlyMap<string, Spread>;
  /** In the order of the program. Values that follow from a hazard are not reported again. */
  readonly hazards: readonly Hazard[];
  readonly products: readonly ProductSize[];
  /** Values that the loss scale multiplies. */
  readonly scaling: readonly string[];
  /** Ops without a rule; what they make is taken to be normalised. */
  readonly unfollowed: readonly string[];
}

/** Follows ranges through a function of a program that passes `checkMil`. */
export function analyseRanges(program: MilProgram, options: RangeOptions = {}): RangeAnalysis {
  const views = viewsOf(program);
  const name = options.function ?? "main";
  const view =
    views.find((v) => v.f.name === name) ?? views[0] ?? bug("a program without functions");
  const otherwise = options.otherwise ?? normalised();
  const walk: Walk = {
    view,
    options,
    values: new Map(),
    tainted: new Set(),
    scaling: new Set(view.f.inputs.map((i) => i.name).filter((n) => options.seeds?.has(n))),
    hazards: [],
    products: [],
    unfollowed: new Set(),
  };
  for (const input of view.f.inputs) {
    walk.values.set(
      input.name,
      options.inputs?.[input.name] ?? options.observed?.get(input.name)?.spread ?? otherwise,
    );
  }
  for (const [name, spread] of options.constants ?? []) walk.values.set(name, spread);
  for (const step of stepsOf(view)) {
    if (step.isConstant) followConstant(walk, step.s);
    else follow(walk, step);
  }
  return {
    values: walk.values,
    hazards: walk.hazards,
    products: walk.products,
    scaling: [...walk.scaling],
    unfollowed: [...walk.unfollowed],
  };
}

interface Walk {
  readonly view: MilView;
  readonly options: RangeOptions;
  readonly values: Map<string, Spread>;
  /** Values that come from one that is reported. */
  readonly tainted: Set<string>;
  /** Values that the loss scale multiplies. */
  readonly scaling: Set<string>;
  readonly hazards: Hazard[];
  readonly products: ProductSize[];
  readonly unfollowed: Set<string>;
}

interface Step {
  readonly s: Statement;
  readonly isConstant: boolean;
  readonly reads: readonly string[];
}

const stepsByView = new WeakMap<MilView, readonly Step[]>();

function stepsOf(view: MilView): readonly Step[] {
  const steps =
    stepsByView.get(view) ??
    view.f.body.map((s) => {
      const isConstant = s.op === "const" || s.op.startsWith("constexpr_");
      return { s, isConstant, reads: isConstant ? [] : operandNames(s) };
    });
  stepsByView.set(view, steps);
  return steps;
}

function followConstant({ options, values }: Walk, s: Statement): void {
  for (const r of s.results) {
    if (options.constants?.has(r.name)) continue;
    const spread = constantSpread(s, options.weights) ?? normalised();
    options.constants?.set(r.name, spread);
    values.set(r.name, spread);
  }
}

function follow(walk: Walk, { s, reads: read }: Step): void {
  const { view, options, values } = walk;
  const region = regionOf(walk, s);
  if (region !== undefined) {
    for (const r of s.results) {
      values.set(r.name, clamped(region.spread));
      if (region.scales) walk.scaling.add(r.name);
    }
    return;
  }
  const isTainted = read.some((n) => walk.tainted.has(n));
  const found = spreadOf({ view, s, valueOf: (name) => values.get(name) });
  if (found === undefined) walk.unfollowed.add(s.op);
  const out = found?.spread ?? normalised();
  for (const r of s.results) {
    const seen = options.observed?.get(r.name);
    const spread = seen === undefined ? out : { ...seen.spread, error: out.error };
    const hazard = hazardOf(walk, s, spread, found, seen);
    if (hazard !== undefined && !isTainted) walk.hazards.push({ ...hazard, value: r.name });
    const spreads = hazard?.kind !== "grid" && hazard?.kind !== "vanishing";
    if (isTainted || (hazard !== undefined && spreads)) walk.tainted.add(r.name);
    values.set(r.name, clamped(spread));
    if (read.some((n) => walk.scaling.has(n))) walk.scaling.add(r.name);
    if (found?.product !== undefined) {
      const scales = walk.scaling.has(r.name);
      walk.products.push({ value: r.name, size: found.product.size, peak: peak(spread), scales });
    }
  }
}

/** The value of an input that a slice takes, or a part of it. */
function regionOf({ view, options }: Walk, s: Statement): Region | undefined {
  if (s.op !== "slice_by_size" || options.regions === undefined) return undefined;
  const x = argument(s, "x")?.value;
  const list = x?.kind === "name" ? options.regions[x.name] : undefined;
  if (list === undefined) return undefined;
  const [, row = 0, , column = 0] = ints({ view, s }, "begin") ?? [];
  const [, rows = 1, , columns = 1] = ints({ view, s }, "size") ?? [];
  return list.find(
    ({ block: b }) =>
      row >= b.row &&
      column >= b.column &&
      row + rows <= b.row + b.rows &&
      column + columns <= b.column + b.columns,
  );
}

function operandNames(s: Statement): string[] {
  return s.args.flatMap(({ value }) => {
    if (value.kind === "name") return [value.name];
    if (value.kind !== "tuple" && value.kind !== "list") return [];
    return value.items.flatMap((v) => (v.kind === "name" ? [v.name] : []));
  });
}

/** A value as it is stored: what is too large is at the limit. */
function clamped(s: Spread): Spread {
  const limit = (v: number): number =>
    Math.max(-HALF_LIMIT, Math.min(HALF_LIMIT, Number.isNaN(v) ? HALF_LIMIT : v));
  const finite = { low: limit(s.low), high: limit(s.high), mean: limit(s.mean), rms: limit(s.rms) };
  return { ...s, ...finite, error: Number.isFinite(s.error) ? s.error : 1 };
}

/** Halfway to the next fp16 after the largest: sums round to it from below. */
const ROUNDS_TO_INFINITY = HALF_LIMIT + 16;
/** Where a product loses more than this of its size to the grid, it is reported. */
const GRID_LIMIT = 0.05;
/** Typical sizes below this lose more than 5 % to the steps of fp16. */
const VANISHING = 3.4e-7;
const SLICE_LIMIT = 4094;

type Bare = Omit<Hazard, "value">;

function hazardOf(
  { view, options }: Walk,
  s: Statement,
  spread: Spread,
  found: Found | undefined,
  seen: Observed | undefined,
): Bare | undefined {
  if (found === undefined || result(s)?.element !== "fp16") return undefined;
  const base = { op: s.op, span: s.results[0]?.span ?? s.span };
  const where = seen === undefined ? {} : { where: `element [${seen.at.join(", ")}]` };
  if (found.undefinedAt !== undefined) {
    const mend =
      found.mend ?? "keep the operand away from 0: add an epsilon of at least 2^-16 in front";
    return { kind: "undefined", ...base, ...where, reach: found.undefinedAt, limit: 0, mend };
  }
  // A mask is far below everything on purpose.
  const reach = spread.masked === true ? spread.high : peak(spread);
  const inside = Math.max(found.inside ?? 0, 0);
  if (found.product !== undefined) {
    const limit = found.product.limit;
    if (reach >= limit) {
      const place = seen === undefined ? largestChannel(view, s, options.weights) : where.where;
      const at = place === undefined ? {} : { where: place };
      return {
        kind: "accumulator",
        ...base,
        ...at,
        reach,
        limit,
        mend: productMend(s, reach, limit),
      };
    }
    if (found.product.grid > GRID_LIMIT) {
      return {
        kind: "grid",
        ...base,
        reach: found.product.grid,
        limit: GRID_LIMIT,
        mend: gridMend(s, found),
      };
    }
  }
  if (Math.max(reach, inside) >= ROUNDS_TO_INFINITY) {
    const most = Math.max(reach, inside);
    const mend =
      found.mend ??
      `scale an operand of \`${s.op}\` by 2^-${shift(most, HALF_LIMIT)}, and what is made of it back`;
    return { kind: "storage", ...base, ...where, reach: most, limit: HALF_LIMIT, mend };
  }
  if (options.chip !== undefined && isOffsetSlice(view, s) && reach > SLICE_LIMIT) {
    const family = familyOf(options.chip);
    const mend = "take the slice from a value scaled down by a power of two, or slice another axis";
    if (family === "m1" || family === "m2") {
      return { kind: "slice", ...base, ...where, reach, limit: SLICE_LIMIT, mend };
    }
  }
  const isTiny = spread.rms > 0 && spread.rms < VANISHING && !spread.loose;
  if (isTiny && !found.passes) {
    const power = Math.ceil(-Math.log2(spread.rms));
    const mend = `multiply an operand by 2^${power}, and divide where the value is used`;
    return { kind: "vanishing", ...base, ...where, reach: spread.rms, limit: VANISHING, mend };
  }
  return undefined;
}

/** Powers of two that bring a reach below a limit with one to spare. */
function shift(reach: number, limit: number): number {
  if (!Number.isFinite(reach)) return 16;
  return Math.max(1, Math.ceil(Math.log2(reach / limit)) + 1);
}

function productMend(s: Statement, reach: number, limit: number): string {
  const k = shift(reach, limit);
  return `multiply \`${firstOperand(s)}\` by 2^-${k} before this product and the result by 2^${k} behind it: powers of two are exact`;
}

function gridMend(s: Statement, { product }: Found): string {
  const k = Math.max(1, Math.ceil(Math.log2(4.4e-6 / 0.005 / Math.max(product!.size, 1e-12))));
  return `multiply \`${firstOperand(s)}\` by 2^${k} before this product and the result by 2^-${k} behind it; for gradients, raise the loss scale`;
}

function firstOperand(s: Statement): string {
  const x = argument(s, "x")?.value;
  return x?.kind === "name" ? x.name : "x";
}

function isOffsetSlice(view: MilView, s: Statement): boolean {
  if (s.op !== "slice_by_size" && s.op !== "slice_by_index") return false;
  return (ints({ view, s }, "begin")?.at(-1) ?? 0) !== 0;
}
