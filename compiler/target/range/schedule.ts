/**
 * Ranges through a whole bundle: what one program makes is what the next one reads.
 *
 *     rangeWarnings(bundle, { params: paramSpreads(graph) })     diagnostics for `anec compile`
 *     lossScaleFor(rangesOfBundle(bundle, { params }))           a power of two for training
 */
import { readBlobRecord } from "../../bundle/blob.ts";
import type { Bundle, ManifestProgram, ScheduleStep, SurfaceUse } from "../../bundle/manifest.ts";
import { type Graph, leafName } from "../../ir/graph.ts";
import type { WeightResolver } from "../../mil/interpret.ts";
import { parseMil } from "../../mil/parse.ts";
import type { MilProgram } from "../../mil/tree.ts";
import { bug } from "../../support/bug.ts";
import type { Diagnostic } from "../../support/diagnostic.ts";
import type { ChipName } from "../chip_names.ts";
import { analyseRanges, type Hazard, type ProductSize } from "./analyse.ts";
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

/** Follows values through the schedule of a bundle for the engine that has one value on each port. */
export function rangesOfBundle(
  bundle: Bundle,
  { params, chip, lossScale = 1 }: BundleRangeOptions = {},
): BundleRanges {
  const { manifest } = bundle;
  const sizes = new Map<string, readonly number[]>();
  const values = new Map<string, Spread>();
  const seeds = new Set<string>();
  const programs = new Map<string, readonly Hazard[]>();
  const products: ProductSize[] = [];
  const texts = new Map(
    manifest.programs.map((p) => [
      p.name,
      { p, program: programOf(bundle, p), constants: new Map<string, Spread>() },
    ]),
  );
  const spreadNamed = (name: string): Spread =>
    values.get(name) ??
    (name.startsWith("@") ? params?.get(name.slice(1)) : undefined) ??
    normalised();

  const dispatch = (step: Dispatch): void => {
    const { p, program, constants } = texts.get(step.program)!;
    const bound = Object.entries(step.inputs).map(([port, use]) => [port, valueOn(use)] as const);
    const found = analyseRanges(program, {
      inputs: Object.fromEntries(bound.map(([port, name]) => [port, spreadNamed(name)])),
      seeds: new Set(bound.flatMap(([port, name]) => (seeds.has(name) ? [port] : []))),
      weights: resolverOf(bundle, p),
      constants,
      ...(chip === undefined ? {} : { chip }),
    });
    const before = programs.get(p.name) ?? [];
    if (before.length === 0) programs.set(p.name, found.hazards);
    products.push(...found.products);
    const scaling = new Set(found.scaling);
    for (const [port, use] of Object.entries(step.outputs)) {
      const name = valueOn(use);
      const spread = found.values.get(port);
      if (spread !== undefined) values.set(name, spread);
      if (scaling.has(port)) seeds.add(name);
      sizes.set(name, p.outputs.find((o) => o.name === port)?.shape ?? []);
    }
  };

  for (const step of [...manifest.staging, ...manifest.schedule]) {
    if (step.do === "dispatch") dispatch(step);
    if (step.do !== "host") continue;
    values.set(
      step.writes,
      hostSpread(step.op, step.reads.map(spreadNamed), sizes.get(step.reads[0] ?? ""), lossScale),
    );
    const isSeed = step.op === "cross_entropy_grad" || step.reads.some((name) => seeds.has(name));
    if (isSeed) seeds.add(step.writes);
  }
  return { programs, products, values, lossScale };
}

/** The value of a port that holds one. */
function valueOn({ surface, values }: SurfaceUse): string {
  return values.length === 1 ? values[0]! : bug(`${surface} holds ${values.length} values`);
}

/** What an op of the host makes. */
function hostSpread(
  op: string,
  reads: readonly Spread[],
  shape: readonly number[] | undefined,
  lossScale: number,
): Spread {
  if (op !== "cross_entropy_grad") return reads[0] ?? normalised();
  // (softmax − one-hot) / rows: nearly all of it is at one class of each row.
  const classes = shape?.at(-1) ?? 1;
  const rows = shape?.at(-2) ?? 1;
  const most = lossScale / rows;
  return {
    low: -most,
    high: most,
    mean: 0,
    rms: most / Math.sqrt(classes),
    loose: false,
    error: 1e-3,
    density: 1 / classes,
  };
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
  const ranges = rangesOfBundle(bundle, options);
  const scale = `a loss scale of ${ranges.lossScale}`;
  const gradients = ranges.products.some((p) => p.scales) ? `, ${scale}` : "";
  const assumed = `activations of size 1, weights up to ${GROWTH} times as initialised${gradients}`;
  return [...ranges.programs].flatMap(([name, hazards]) =>
    hazardDiagnostics(hazards, name, assumed),
  );
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
