/**
 * anec as a library: from a model in the language to a bundle.
 *
 *     const model = elaborate(loadModel("tiny"));
 *     const { bundle, stats } = compile(entryGraph(model), { target: "ane" });
 *     writeBundle("tiny.anec", bundle);
 */
import { type Bundle, makeBundle } from "./compiler/bundle/manifest.ts";
import { type Graph, leafName, nodesOf } from "./compiler/ir/graph.ts";
import type { Node } from "./compiler/ir/node.ts";
import { elementCount, shapeName, sizesOf } from "./compiler/ir/types.ts";
import type { Tensor } from "./compiler/ops/tensor.ts";
import { compileAne, flopsOf } from "./passes/ane/compile.ts";
import type { Refusal } from "./passes/ane/fit.ts";
import type { Weights } from "./passes/ane/ports.ts";
import { type Traffic, trafficOf } from "./passes/ane/schedule.ts";
import { LAYER, MATMUL, NONE, PAIRS, type Scheme } from "./passes/ane/schemes.ts";
import { lowerToHost } from "./passes/lower_to_host.ts";
import { type PassReport, type RunOptions, runPasses } from "./passes/pass.ts";
import { type PipelineName, pipelines } from "./passes/pipeline.ts";
import { finishPlan, newPlan } from "./passes/plan_builder.ts";
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
  const pipeline = pipelineFor(options);
  const { graph: optimised, reports } = runPasses(graph, pipelines[pipeline], options);
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
      weights: options.weights ?? (target === "ane" ? "packed" : "params"),
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

function schemeOf({ fusion = "layer", ane }: Pick<CompileOptions, "fusion" | "ane">): Scheme {
  return ane === "matmul" ? MATMUL : SCHEME_OF[fusion];
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

function forEngine(graph: Graph, options: CompileOptions): Made {
  const made = compileAne(graph, {
    scheme: schemeOf(options),
    weights: options.weights ?? "packed",
    separate: options.separatePorts === true,
    exact: options.exactTables === true,
    ...(options.baked === undefined ? {} : { baked: options.baked }),
  });
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
export type { Weights };
