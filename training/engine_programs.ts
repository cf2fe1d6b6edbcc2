/**
 * The programs of training on the engine, beside those of the host:
 *
 *   micro_step   as on the host, with the calls of the engine where the fusion has them
 *   stage        weights to the engine's surfaces; runs whenever parameters changed
 *
 * Gradients come multiplied by the input `loss_scale`, so that small ones keep their digits in fp16.
 */
import type { EnginePlan } from "../compiler/bundle/plan.ts";
import { type Graph, leafName, makeGraph } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { tensorType } from "../compiler/ir/types.ts";
import { input } from "../compiler/ops/input.ts";
import { maximum } from "../compiler/ops/maximum.ts";
import { mul } from "../compiler/ops/mul.ts";
import { bug } from "../compiler/support/bug.ts";
import { type CompileOptions, type Fusion, pipelineFor, schemeOf } from "../index.ts";
import type { Candidate } from "../passes/ane/candidates.ts";
import { type AneOptions, compileAne, planAne } from "../passes/ane/compile.ts";
import { isCallValue, offload } from "../passes/ane/offload.ts";
import { decomposeForHost } from "../passes/decompose.ts";
import { lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import type { PlanBuilder } from "../passes/plan_builder.ts";
import { lastResidual } from "./adaptive.ts";
import { type Calibration, calibrationOf, dependentsOf, peakOf, type Scales } from "./calibrate.ts";

/** How a model is put on the engine. */
export interface EngineChoice {
  /** `auto`: the layout that is predicted to be fastest on the chip (`engine_layout.ts`). */
  readonly fusion: Fusion | "auto";
  /** `matmul`: the forward products alone. With adapters it is always that. */
  readonly ane: "full" | "matmul";
  /** What `auto` stands for. */
  readonly layout?: Candidate;
  /** The size of the last residual is an output (`adaptive.ts`). */
  readonly isWatched?: boolean;
  /**
   * Changes the differentiated graph before it is cut, and with it what the engine computes; validation
   * keeps the model's own. For tests and benches that put a known defect into one direction alone.
   */
  readonly rewrite?: (trained: Graph) => Graph;
}

export const LOSS_SCALE = "loss_scale";
/** Output of `micro_step`: largest magnitude among the gradients read from the engine. */
export const GRADIENT_PEAK = "gradient_peak";
/** Output of `micro_step` where it is watched: largest magnitude in the last residual. */
export const RESIDUAL_PEAK = "residual_peak";

/** The loss times an input, and then the loss itself; the size of the last residual, if it is watched. */
function withLossScale(graph: Graph, isWatched: boolean): Graph {
  const loss = graph.outputs[0]!;
  const residual = isWatched ? lastResidual(graph) : undefined;
  const scale = input(graph.scope, LOSS_SCALE, tensorType("f32", []));
  return makeGraph({
    ...graph,
    inputs: [...graph.inputs, scale],
    outputs: [
      ...[{ name: `${loss.name} scaled`, node: mul(loss.node, scale) }, loss],
      ...(residual === undefined ? [] : [{ name: RESIDUAL_PEAK, node: peakOf(residual) }]),
    ],
  });
}

/** The training graph of a share, its loss multiplied by the input `loss_scale`, and how it is compiled. */
export function engineGraph(graph: Graph, choice: EngineChoice) {
  const { fusion, ane, layout } = choice;
  if (fusion === "auto" && layout === undefined) bug("no layout was searched for");
  const options: CompileOptions = {
    ...{ target: "ane", gradients: true, ane },
    ...(fusion === "auto" ? {} : { fusion }),
    ...(layout === undefined ? {} : { layout }),
  };
  const whole = runPasses(
    withLossScale(graph, choice.isWatched === true),
    pipelines[pipelineFor(options)],
  ).graph;
  const trained = choice.rewrite?.(whole) ?? whole;
  const compiling: AneOptions = {
    ...{ scheme: schemeOf(options), weights: layout?.weights ?? "packed" },
    ...(layout?.splitK === undefined ? {} : { splitK: layout.splitK }),
  };
  return { trained, compiling };
}

/** Adds `sizes` to a plan: the outputs from which scales are found, as `sizes.NAME`. */
export function addCalibration(plan: PlanBuilder, graph: Graph, choice: EngineChoice): Calibration {
  const { trained, compiling } = engineGraph(graph, choice);
  const calibration = calibrationOf(planAne(trained, compiling), LOSS_SCALE);
  lowerToHost(plan, {
    name: "sizes",
    graph: runPasses(calibration.graph, [decomposeForHost]).graph,
    outputStorage: (output) => `sizes.${output}`,
  });
  return calibration;
}

/**
 * The graph of the host with one more output: the largest magnitude among the values that it reads from the
 * engine once the gradient is on its way.
 */
function withPeak(run: Graph): Graph {
  const scale = run.inputs.find((leaf) => leafName(leaf) === LOSS_SCALE);
  const isRead = (node: Node): boolean => isCallValue(node) && node.type.shape.length > 0;
  const peaks = [...dependentsOf(run, scale)].filter(isRead).map((value) => peakOf(value));
  if (peaks.length === 0) return run;
  const peak = peaks.reduce((a, b) => maximum(a, b));
  return makeGraph({ ...run, outputs: [...run.outputs, { name: GRADIENT_PEAK, node: peak }] });
}

/** Adds `micro_step` and `stage` to a plan; returns what the engine has to have. */
export function addEnginePrograms(
  plan: PlanBuilder,
  graph: Graph,
  choice: EngineChoice,
  scales: Scales,
  storage: {
    readonly accumulated: ReadonlySet<string>;
    readonly outputStorage: (output: string) => string;
  },
): EnginePlan {
  const { trained, compiling } = engineGraph(graph, choice);
  const made = compileAne(trained, { ...compiling, scales: scales.programs });
  const { run, stage, engine } = offload(made.graph, made);
  const forHost = (g: Graph): Graph => runPasses(g, [decomposeForHost]).graph;
  lowerToHost(plan, { name: "micro_step", graph: forHost(withPeak(run)), ...storage });
  lowerToHost(plan, { name: "stage", graph: forHost(stage) });
  return engine;
}
