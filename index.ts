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
import { compileMil, flopsOf } from "./passes/compile_mil.ts";
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
  /** Values of parameters to bake into the programs as constants; else they are inputs. */
  readonly baked?: (param: Node) => Tensor;
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
}

const LEAVES = new Set(["constant", "input", "param", "causal_mask"]);

/** Compiles the graph of an entry. Throws `UserError` for what the target cannot do. */
export function compile(graph: Graph, options: CompileOptions): Compilation {
  const { target, gradients = false } = options;
  const pipeline: PipelineName =
    target === "ane" ? (gradients ? "mil_train" : "mil") : gradients ? "train" : "infer";
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
      weights: options.baked === undefined ? "params" : "baked",
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
    stats: {
      ...made.stats,
      ops: nodes.filter((n) => !LEAVES.has(n.op.name)).length,
      parameters: graph.params.reduce((n, p) => n + elementCount(p.type.shape), 0),
      flops: nodes.reduce((n, node) => n + flopsOf(node), 0),
    },
  };
}

interface Made {
  readonly manifest: Pick<Bundle["manifest"], "programs" | "schedule" | "outputs" | "constants">;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly stats: Pick<CompileStats, "programs" | "dispatches" | "surfaces" | "surfaceBytes">;
}

function forEngine(graph: Graph, options: CompileOptions): Made {
  const { programs, schedule, outputs, files } = compileMil(graph, options.baked);
  const ports = programs.flatMap((p) =>
    [...p.inputs, ...p.outputs].map((port) => port.bytes * p.calls),
  );
  return {
    manifest: { programs, schedule, outputs, constants: [] },
    files,
    stats: {
      programs: programs.length,
      dispatches: programs.reduce((n, p) => n + p.calls, 0),
      surfaces: programs.reduce((n, p) => n + (p.inputs.length + p.outputs.length) * p.calls, 0),
      surfaceBytes: ports.reduce((a, b) => a + b, 0),
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
