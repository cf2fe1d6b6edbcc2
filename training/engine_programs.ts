/**
 * The programs of training on the engine, beside those of the host:
 *
 *   micro_step   as on the host, with the calls of the engine where the fusion has them
 *   stage        weights to the engine's surfaces; runs whenever parameters changed
 *
 * Gradients come multiplied by the input `loss_scale`, so that small ones keep their digits in fp16.
 */
import type { EnginePlan } from "../compiler/bundle/plan.ts";
import { type Graph, makeGraph } from "../compiler/ir/graph.ts";
import { tensorType } from "../compiler/ir/types.ts";
import { input } from "../compiler/ops/input.ts";
import { mul } from "../compiler/ops/mul.ts";
import { type CompileOptions, type Fusion, pipelineFor, schemeOf } from "../index.ts";
import { compileAne } from "../passes/ane/compile.ts";
import { offload } from "../passes/ane/offload.ts";
import { decomposeForHost } from "../passes/decompose.ts";
import { lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import type { PlanBuilder } from "../passes/plan_builder.ts";

/** How a model is put on the engine. */
export interface EngineChoice {
  readonly fusion: Fusion;
  /** `matmul`: the forward products alone. */
  readonly ane: "full" | "matmul";
}

export const LOSS_SCALE = "loss_scale";

/** The loss times an input, and then the loss itself. */
function withLossScale(graph: Graph): Graph {
  const loss = graph.outputs[0]!;
  const scale = input(graph.scope, LOSS_SCALE, tensorType("f32", []));
  return makeGraph({
    ...graph,
    inputs: [...graph.inputs, scale],
    outputs: [{ name: `${loss.name} scaled`, node: mul(loss.node, scale) }, loss],
  });
}

/** Adds `micro_step` and `stage` to a plan; returns what the engine has to have. */
export function addEnginePrograms(
  plan: PlanBuilder,
  graph: Graph,
  choice: EngineChoice,
  storage: {
    readonly accumulated: ReadonlySet<string>;
    readonly outputStorage: (output: string) => string;
  },
): EnginePlan {
  const options: CompileOptions = { target: "ane", gradients: true, ...choice };
  const trained = runPasses(withLossScale(graph), pipelines[pipelineFor(options)]).graph;
  const made = compileAne(trained, { scheme: schemeOf(options), weights: "packed" });
  const { run, stage, engine } = offload(made.graph, made);
  const forHost = (g: Graph): Graph => runPasses(g, [decomposeForHost]).graph;
  lowerToHost(plan, { name: "micro_step", graph: forHost(run), ...storage });
  lowerToHost(plan, { name: "stage", graph: forHost(stage) });
  return engine;
}
