/**
 * anec as a library: from a model in the language to a bundle.
 *
 *     const model = elaborate(loadModel("tiny"));
 *     const { bundle, stats } = compile(entryGraph(model), { target: "ane" });
 *     writeBundle("tiny.anec", bundle);
 */
import { type Bundle, makeBundle } from "./compiler/bundle/manifest.ts";
import { type Traffic, trafficOf } from "./compiler/bundle/traffic.ts";
import { type Graph, leafName, nodesOf } from "./compiler/ir/graph.ts";
import type { Node } from "./compiler/ir/node.ts";
import { elementCount, shapeName, sizesOf } from "./compiler/ir/types.ts";
import type { Tensor } from "./compiler/ops/tensor.ts";
import type { AneLayout } from "./passes/ane/candidates.ts";
import { type AneOptions, compileAne, flopsOf } from "./passes/ane/compile.ts";
import type { Refusal } from "./passes/ane/fit.ts";
import { INFER } from "./passes/ane/infer.ts";
import type { Weights } from "./passes/ane/ports.ts";
import { LAYER, MATMUL, NONE, PAIRS, type Scheme } from "./passes/ane/schemes.ts";
import { lowerToHost } from "./passes/lower_to_host.ts";
import { type Pass, type PassReport, type RunOptions, runPasses } from "./passes/pass.ts";
import { type PipelineName, pipelines } from "./passes/pipeline.ts";
import { finishPlan, newPlan } from "./passes/plan_builder.ts";
import { simplify } from "./passes/simplify.ts";
import { TILE_ROWS, tileClassifierBy } from "./passes/tile_classifier.ts";
import { VERSION } from "./version.ts";

export type Target = "ane" | "cpu";

export interface CompileOptions extends RunOptions {
  readonly target: Target;
  /** Also compile the gradients of the first output, a scalar loss. */
  readonly gradients?: boolean;
  /** `ane`: which work shares a program. Default `layer`. */
  readonly fusion?: Fusion;
  /** `ane`: `matmul` leaves all but the forward products to the host. Default `full`. */
  readonly ane?: "full" | "matmul";
  /** `ane`: how weights reach the programs. Default `packed`, side by side on one surface. */
  readonly weights?: Weights;
  /** `ane`: what `searchLayouts` found; `fusion`, `ane` and `weights` have no say. */
  readonly layout?: AneLayout;
  /**
   * `ane`: `infer` for programs of several layers, with weights as the filters of convolutions. Needs
   * `baked`; `fusion`, `ane` and `weights` have no say.
   */
  readonly mode?: "infer";
  /** `infer`: layers in one program. Default: as many as its weight limit admits. */
  readonly layersPerProgram?: number;
  /** `infer`: bytes of weights in one program. Default 128 MiB. */
  readonly weightLimit?: number;
  /** `ane`, with gradients: `ane` computes classifier and cross entropy in tiles on the engine. */
  readonly classifier?: "host" | "ane";
  /** Rows of the table in one tile of the classifier, at most. Default 8,192. */
  readonly tileRows?: number;
  /** Values of parameters, for `weights: "baked"`. */
  readonly baked?: (param: Node) => Tensor;
  /** `ane`: one port for each value, as the range analysis wants to see them. */
  readonly separatePorts?: boolean;
  /** `ane`: tables and numbers in fp32, for tests that compare beyond the digits of fp16. */
  readonly exactTables?: boolean;
}

export const FUSIONS = ["none", "pairs", "layer"] as const;
export type Fusion = (typeof FUSIONS)[number];

const SCHEME_OF: Readonly<Record<Fusion, Scheme>> = { none: NONE, pairs: PAIRS, layer: LAYER };

/** What the `ane` target moves and computes for each micro-step, and for each update of the weights. */
export interface Moves {
  readonly perMicroStep: Traffic & { readonly flops: number };
  readonly perUpdate: { readonly bytesStaged: number };
  readonly refusals: readonly Refusal[];
}

/** What the summary of `anec compile` prints. */
export interface CompileStats {
  readonly programs: number;
  readonly dispatches: number;
  /** Nodes of the optimised graph that are not leaves or constants. */
  readonly ops: number;
  readonly parameters: number;
  /** Ports of all programs (`ane`) or buffers (`cpu`). */
  readonly surfaces: number;
  readonly surfaceBytes: number;
  readonly flops: number;
}

export interface Compilation {
  /** After the passes of the target. */
  readonly graph: Graph;
  readonly reports: readonly PassReport[];
  readonly bundle: Bundle;
  readonly stats: CompileStats;
  /** Of the `ane` target. */
  readonly moves?: Moves;
  /** Nodes of the host's steps of the `ane` target: those of `staging`, then those of `schedule`. */
  readonly hostNodes?: readonly Node[];
}

const LEAVES = new Set(["constant", "input", "param", "causal_mask"]);

/** Compiles the graph of an entry. Throws `UserError` for what the target cannot do. */
export function compile(graph: Graph, options: CompileOptions): Compilation {
  const { target } = options;
  const { graph: optimised, reports } = runPasses(graph, passesFor(options), options);
  const made = target === "ane" ? forEngine(optimised, options) : forHost(optimised);
  const parameters = graph.params.map((p) => ({
    path: leafName(p),
    shape: sizesOf(p.type.shape),
    dims: shapeName(p.type.shape),
  }));
  const bundle = makeBundle(
    {
      anec: VERSION,
      target,
      model: graph.name,
      entry: graph.name,
      weights: target === "ane" ? weightsOf(options) : (options.weights ?? "params"),
      parameters,
      ...made.manifest,
    },
    made.files,
  );
  const nodes = nodesOf(optimised);
  return {
    graph: optimised,
    reports,
    bundle,
    ...(made.moves === undefined ? {} : { moves: made.moves, hostNodes: made.hostNodes }),
    stats: {
      ...made.stats,
      ops: nodes.filter((n) => !LEAVES.has(n.op.name)).length,
      parameters: graph.params.reduce((n, p) => n + elementCount(p.type.shape), 0),
      flops: nodes.reduce((n, node) => n + flopsOf(node), 0),
    },
  };
}

/** The passes that a compilation runs. */
export function pipelineFor({ target, gradients, ...options }: CompileOptions): PipelineName {
  if (target === "cpu") return gradients ? "train" : "infer";
  if (!gradients) return "ane";
  return schemeOf(options).foldsNorms ? "ane_train" : "ane_hybrid";
}

/** The same as a list, in order. */
export function passesFor(options: CompileOptions): readonly Pass[] {
  const list = pipelines[pipelineFor(options)];
  if (options.target !== "ane" || options.classifier !== "ane") return list;
  return [...list, tileClassifierBy(options.tileRows ?? TILE_ROWS), simplify];
}

function weightsOf({ mode, layout, weights = "packed" }: CompileOptions): Weights {
  return mode === "infer" ? "baked" : (layout?.weights ?? weights);
}

/** The fusion scheme of a compilation for the engine. */
export function schemeOf({
  fusion = "layer",
  ane,
  mode,
  layout,
}: Pick<CompileOptions, "fusion" | "ane" | "mode" | "layout">): Scheme {
  if (mode === "infer") return INFER;
  if (layout !== undefined) return layout.scheme;
  return ane === "matmul" ? MATMUL : SCHEME_OF[fusion];
}

function inferOptions({ mode, layersPerProgram, weightLimit }: CompileOptions) {
  if (mode !== "infer") return {};
  return {
    infer: {
      ...(layersPerProgram === undefined ? {} : { layersPerProgram }),
      ...(weightLimit === undefined ? {} : { weightLimit }),
    },
  };
}

interface Made {
  readonly manifest: Pick<
    Bundle["manifest"],
    "programs" | "surfaces" | "staging" | "schedule" | "outputs" | "constants"
  >;
  readonly moves?: Moves;
  readonly hostNodes?: readonly Node[];
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly stats: Pick<CompileStats, "programs" | "dispatches" | "surfaces" | "surfaceBytes">;
}

/** The options as `passes/ane` takes them. */
export function aneOptionsOf(options: CompileOptions): AneOptions {
  return {
    scheme: schemeOf(options),
    weights: weightsOf(options),
    ...(options.layout?.splitK === undefined ? {} : { splitK: options.layout.splitK }),
    ...inferOptions(options),
    separate: options.separatePorts === true,
    exact: options.exactTables === true,
    ...(options.baked === undefined ? {} : { baked: options.baked }),
  };
}

function forEngine(graph: Graph, options: CompileOptions): Made {
  const made = compileAne(graph, aneOptionsOf(options));
  const { programs, surfaces, staging, schedule, outputs, files, refusals, hostNodes } = made;
  const traffic = trafficOf(schedule);
  return {
    manifest: { programs, surfaces, staging, schedule, outputs, constants: [] },
    files,
    moves: {
      perMicroStep: { ...traffic, flops: programs.reduce((n, p) => n + p.flops * p.calls, 0) },
      perUpdate: { bytesStaged: trafficOf(staging).bytesWritten },
      refusals,
    },
    hostNodes,
    stats: {
      programs: programs.length,
      dispatches: traffic.dispatches,
      surfaces: surfaces.length,
      surfaceBytes: surfaces.reduce((n, s) => n + 2 * s.shape.reduce((a, b) => a * b, 1), 0),
    },
  };
}

function forHost(graph: Graph): Made {
  const builder = newPlan();
  const accumulated = new Set(
    graph.outputs.map((o) => o.name).filter((n) => n.startsWith("grad.")),
  );
  lowerToHost(builder, { name: "run", graph, accumulated });
  const { plan, initial } = finishPlan(builder);
  const constants = Buffer.concat(
    initial.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );
  const files = new Map<string, Uint8Array>([
    ["plan.json", new TextEncoder().encode(`${JSON.stringify(plan)}\n`)],
  ]);
  if (initial.length > 0) files.set("constants.bin", new Uint8Array(constants));
  const [program] = plan.programs;
  return {
    manifest: {
      programs: [],
      surfaces: [],
      staging: [],
      schedule: program!.commands.map((c) => ({
        do: "host",
        op: c.kernel,
        reads: c.operands.slice(0, -1).map((o) => plan.buffers[o.buffer]?.name ?? "none"),
        writes: plan.buffers[c.operands[c.operands.length - 1]!.buffer]!.name,
      })),
      outputs: Object.fromEntries(graph.outputs.map((o) => [o.name, `output.${o.name}`])),
      constants: initial.map(({ buffer, data }) => ({ buffer, elements: data.length })),
    },
    files,
    stats: {
      programs: plan.programs.length,
      dispatches: program!.commands.length,
      surfaces: plan.buffers.length,
      surfaceBytes: plan.stateBytes + plan.scratchBytes,
    },
  };
}

export { writeBundle } from "./compiler/bundle/write.ts";
export type { Refusal, Weights };
