/**
 * Ranges through a whole bundle: what one program makes is what the next one reads.
 *
 *     rangeWarnings(bundle, { params: paramSpreads(graph) })     diagnostics for `anec compile`
 *     lossScaleFor(rangesOfBundle(bundle, { params }))           a power of two for training
 */
import { readBlobRecord } from "../../bundle/blob.ts";
import type { Bundle, ManifestProgram, Port, ScheduleStep } from "../../bundle/manifest.ts";
import { type Graph, leafName } from "../../ir/graph.ts";
import type { Node } from "../../ir/node.ts";
import type { WeightResolver } from "../../mil/interpret.ts";
import { parseMil } from "../../mil/parse.ts";
import type { MilProgram } from "../../mil/tree.ts";
import { bug } from "../../support/bug.ts";
import type { Diagnostic } from "../../support/diagnostic.ts";
import type { ChipName } from "../chip_names.ts";
import { argument, namesIn } from "../facts/walk.ts";
import {
  analyseRanges,
  type Hazard,
  type ProductSize,
  type RangeAnalysis,
  type Region,
} from "./analyse.ts";
import { hostSpread } from "./host.ts";
import { hazardDiagnostics } from "./report.ts";
import {
  ACCUMULATOR_LIMIT,
  normalised,
  PRODUCT_GRID,
  type Spread,
  scaled,
  uniform,
} from "./spread.ts";

export interface BundleRangeOptions {
  /** Of parameters by path; others are like normalised activations. */
  readonly params?: ReadonlyMap<string, Spread>;
  readonly chip?: ChipName;
  /** Nodes of the host's steps, staging first: without them their sizes are not known. */
  readonly hostNodes?: readonly Node[];
  /** What gradients are multiplied by. Default 1. */
  readonly lossScale?: number;
}

export interface BundleRanges {
  /** Hazards by program, from the first call that has any. */
  readonly programs: ReadonlyMap<string, readonly Hazard[]>;
  /** Products of all calls. */
  readonly products: readonly ProductSize[];
  /** Every value of the schedule by its name. */
  readonly values: ReadonlyMap<string, Spread>;
  readonly lossScale: number;
}

/** How far trained weights are expected to grow beyond their initial values. */
const GROWTH = 2;

/** Parameters as they are initialised, with room to grow. */
export function paramSpreads(graph: Graph): ReadonlyMap<string, Spread> {
  return new Map(
    graph.params.map((p) => [leafName(p), initialSpread(String(p.attrs["init"] ?? ""))]),
  );
}

function initialSpread(init: string): Spread {
  const [kind = "", text = ""] = init.split(" ");
  const size = Number(text);
  switch (kind) {
    case "ones":
      return { ...uniform(1 / GROWTH, GROWTH), mean: 1, rms: 1 };
    case "zeros":
      return uniform(-0.02 * GROWTH, 0.02 * GROWTH);
    case "uniform":
      return scaled(uniform(-size, size), GROWTH);
    case "normal":
      return scaled(normalised(size), GROWTH);
    default:
      return normalised(0.05);
  }
}

type Dispatch = Extract<ScheduleStep, { do: "dispatch" }>;

/** Analyses by program, with what entered it: for several calls, and several loss scales of one bundle. */
type Known = Map<string, Entered[]>;

interface Entered {
  readonly values: readonly Entering[];
  readonly found: RangeAnalysis;
}

interface Entering {
  readonly spread: Spread;
  /** Whether a loss scale multiplies it. */
  readonly scales: boolean;
}

/** A value of the schedule by its name, as far as it is known. */
interface Follow {
  readonly spreadNamed: (name: string) => Spread;
  readonly seeds: ReadonlySet<string>;
}

/** A program with what does not depend on the values that enter it. */
interface Followed {
  readonly p: ManifestProgram;
  readonly program: MilProgram;
  readonly weights: WeightResolver;
  readonly constants: Map<string, Spread>;
  /** Names of the values on each output, in the order of its places. */
  readonly made: ReadonlyMap<string, readonly string[]>;
}

const followed = new WeakMap<Bundle, ReadonlyMap<string, Followed>>();

/** Programs by name, read once. */
function programsOf(bundle: Bundle): ReadonlyMap<string, Followed> {
  const known =
    followed.get(bundle) ??
    new Map(
      bundle.manifest.programs.map((p): [string, Followed] => {
        const program = programOf(bundle, p);
        const made = new Map(p.outputs.map((o) => [o.name, partsOf(program, o)]));
        const weights = resolverOf(bundle, p);
        return [p.name, { p, program, weights, constants: new Map(), made }];
      }),
    );
  followed.set(bundle, known);
  return known;
}

/** The values on an output: itself, or what is joined to it. */
function partsOf(program: MilProgram, { name, places }: Port): readonly string[] {
  if (places.length === 1) return [name];
  const body = program.functions[0]?.body ?? [];
  const made = body.find((s) => s.results.some((r) => r.name === name));
  const values = made?.op === "concat" ? argument(made, "values")?.value : undefined;
  const parts = values === undefined ? [] : namesIn(values);
  return parts.length === places.length ? parts : places.map(() => name);
}

/** Follows values through the schedule of a bundle for the engine. */
export function rangesOfBundle(bundle: Bundle, options: BundleRangeOptions = {}): BundleRanges {
  return follow(bundle, options, new Map());
}

function follow(
  bundle: Bundle,
  { params, chip, hostNodes = [], lossScale = 1 }: BundleRangeOptions,
  known: Known,
): BundleRanges {
  const { manifest } = bundle;
  const values = new Map<string, Spread>();
  const seeds = new Set<string>();
  const programs = new Map<string, readonly Hazard[]>();
  const products: ProductSize[] = [];
  const all = programsOf(bundle);
  const spreadNamed = (name: string): Spread =>
    values.get(name) ??
    (name.startsWith("@") ? params?.get(name.slice(1)) : undefined) ??
    numbered(name) ??
    normalised();

  const dispatch = (step: Dispatch): void => {
    const one = all.get(step.program) ?? bug(`no program ${step.program}`);
    const { found, growth } = analysed(one, step, { spreadNamed, seeds }, chip, known);
    const { p } = one;
    const before = programs.get(p.name) ?? [];
    if (before.length === 0) programs.set(p.name, found.hazards);
    for (const p of found.products) products.push({ ...p, size: p.size * growth });
    const scaling = new Set(found.scaling);
    for (const { name } of p.outputs) {
      for (const [i, value] of (step.outputs[name]?.values ?? []).entries()) {
        const part = one.made.get(name)?.[i] ?? name;
        const spread = found.values.get(part);
        if (spread !== undefined) values.set(value, growth === 1 ? spread : scaled(spread, growth));
        if (scaling.has(part)) seeds.add(value);
      }
    }
  };

  let host = 0;
  for (const step of [...manifest.staging, ...manifest.schedule]) {
    if (step.do === "dispatch") dispatch(step);
    if (step.do !== "host") continue;
    const reads = step.reads.map(spreadNamed);
    values.set(step.writes, hostSpread({ op: step.op, reads, node: hostNodes[host], lossScale }));
    host += 1;
    const isSeed = step.op === "cross_entropy_grad" || step.reads.some((name) => seeds.has(name));
    if (isSeed) seeds.add(step.writes);
  }
  return { programs, products, values, lossScale };
}

/** A constant of the schedule. */
function numbered(name: string): Spread | undefined {
  const value = Number(name);
  return Number.isFinite(value) ? { ...uniform(value, value), error: 0 } : undefined;
}

/** Calls whose values differ by less than this are alike: layers of one model, mostly. */
const ALIKE = 1.25;
const ALIKE_ERRORS = 2;

/**
 * How much larger values are than those of a call before; undefined if the calls are not alike. What a call
 * makes is taken to have grown as the input that grew most, so that growth from layer to layer is not lost.
 */
function growthOf(before: readonly Entering[], now: readonly Entering[]): number | undefined {
  if (before.length !== now.length) return undefined;
  let growth = 0;
  for (const [i, { spread: a, scales }] of before.entries()) {
    const { spread: b, scales: scalesNow } = now[i]!;
    if (a === b && scales === scalesNow) continue;
    if (scales !== scalesNow || a.loose !== b.loose || a.density !== b.density) return undefined;
    if (a.masked !== b.masked || Math.abs(a.mean - b.mean) > (ALIKE - 1) * a.rms) return undefined;
    for (const key of ["low", "high", "rms", "error"] as const) {
      if (a[key] === b[key]) continue;
      const ratio = b[key] / a[key];
      const most = key === "error" ? ALIKE_ERRORS : ALIKE;
      if (!(ratio < most && ratio > 1 / most)) return undefined;
      if (key !== "error") growth = Math.max(growth, ratio);
    }
  }
  return growth === 0 ? 1 : growth;
}

/** One call of a program; one that is like another is not followed again. */
function analysed(
  { p, program, weights, constants }: Followed,
  step: Dispatch,
  { spreadNamed, seeds }: Follow,
  chip: ChipName | undefined,
  known: Known,
): { readonly found: RangeAnalysis; readonly growth: number } {
  const inputs: Record<string, Spread> = {};
  const regions: Record<string, readonly Region[]> = {};
  const scaled = new Set<string>();
  const entering: Entering[] = [];
  for (const { name, places } of p.inputs) {
    const list = (step.inputs[name]?.values ?? []).map((value) => ({
      spread: value === "" ? normalised() : spreadNamed(value),
      scales: seeds.has(value),
    }));
    entering.push(...list);
    if (list.some((v) => v.scales)) scaled.add(name);
    if (list.length === 1) inputs[name] = list[0]!.spread;
    regions[name] = list.flatMap((v, i) =>
      (places[i]?.blocks ?? []).map((block) => ({ block, ...v })),
    );
  }
  const before = known.get(p.name) ?? [];
  known.set(p.name, before);
  for (const { values, found } of before) {
    const growth = growthOf(values, entering);
    if (growth !== undefined) return { found, growth };
  }
  const found = analyseRanges(program, {
    inputs,
    regions,
    seeds: scaled,
    weights,
    constants,
    ...(chip === undefined ? {} : { chip }),
  });
  before.push({ values: entering, found });
  return { found, growth: 1 };
}

const decoder = new TextDecoder();

function programOf({ files }: Bundle, { file }: ManifestProgram): MilProgram {
  return parseMil({ path: file, text: decoder.decode(files.get(file)) });
}

function resolverOf({ files }: Bundle, { weights }: ManifestProgram): WeightResolver {
  return (_path, offset) => {
    const bytes = weights === undefined ? undefined : files.get(weights);
    return bytes === undefined ? undefined : readBlobRecord(bytes, offset);
  };
}

/** Warnings for all programs of a bundle, in the order in which they run. */
export function rangeWarnings(bundle: Bundle, options: BundleRangeOptions = {}): Diagnostic[] {
  return warningsOf(rangesOfBundle(bundle, options));
}

/** The loss scale that suits a bundle best (`lossScaleFor`), and the warnings that remain with it. */
export function scaledRangeWarnings(
  bundle: Bundle,
  options: Omit<BundleRangeOptions, "lossScale">,
): { readonly lossScale: number; readonly warnings: readonly Diagnostic[] } {
  const known: Known = new Map();
  const plain = follow(bundle, options, known);
  const lossScale = lossScaleFor(plain);
  const ranges = lossScale === 1 ? plain : follow(bundle, { ...options, lossScale }, known);
  return { lossScale, warnings: warningsOf(ranges) };
}

function warningsOf({ programs, products, lossScale }: BundleRanges): Diagnostic[] {
  const gradients = products.some((p) => p.scales) ? `, a loss scale of ${lossScale}` : "";
  const assumed = `activations of size 1, weights up to ${GROWTH} times as initialised${gradients}`;
  return [...programs].flatMap(([name, hazards]) => hazardDiagnostics(hazards, name, assumed));
}

/** Products this precise are good enough: the median term keeps seven bits. */
const PRECISE = 0.01;
/** Room for gradients that grow during training. */
const HEADROOM = 16;

/**
 * The loss scale under which the products of a backward pass lose at most 1 % to the accumulator's grid,
 * or, if that is not to be had, the largest under which none comes near its limit: a power of two.
 * `ranges` may have been found with any loss scale.
 */
export function lossScaleFor({ products, lossScale }: BundleRanges): number {
  const scaling = products.filter((p) => p.scales && p.size > 0);
  if (scaling.length === 0) return 1;
  const needed = Math.max(...scaling.map((p) => PRODUCT_GRID / Math.sqrt(12) / PRECISE / p.size));
  const allowed = Math.min(
    ...scaling.map((p) => ACCUMULATOR_LIMIT / HEADROOM / Math.max(p.peak, 1e-30)),
  );
  const wish = 2 ** Math.ceil(Math.log2(needed * lossScale));
  const most = 2 ** Math.floor(Math.log2(allowed * lossScale));
  return Math.max(1, Math.min(wish, most));
}
