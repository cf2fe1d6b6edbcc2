/**
 * The programs of training, in one session plan with shared state:
 *
 *   micro_step   loss → output.loss; gradients → grad.PATH, added unless the run is a group's first
 *   batch        the same for several windows: input.windows.NAME [N, S], losses → output.losses [N]
 *   reduce       gradients → their sums over ranks, which the last of the two above do themselves
 *   evaluate     loss → evaluate.loss
 *   norm         Σ g² over all gradients → norm.squares, elements that are not finite → norm.nonfinite
 *   sanitize     elements of gradients that are not finite → finite, infinities ± sanitize.limit
 *   update       the optimizer on every parameter, with the numbers of its group in update.scalars
 */
import { type EnginePlan, WRITE } from "../compiler/bundle/plan.ts";
import { type Graph, isTrained, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { elementCount } from "../compiler/ir/types.ts";
import { addAllReduces } from "../passes/all_reduce.ts";
import { inputStorage, lowerToHost, paramStorage } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines, type TrainPipeline, trainPipeline } from "../passes/pipeline.ts";
import {
  addProgram,
  type BuiltPlan,
  finishPlan,
  newPlan,
  type PlanBuilder,
  stateStorage,
} from "../passes/plan_builder.ts";
import type { Calibration, Scales } from "./calibrate.ts";
import { addCalibration, addEnginePrograms, type EngineChoice } from "./engine_programs.ts";
import { adamw } from "./optimizers/adamw.ts";
import { GROUPS, groupsOf, SCALARS, scalarsAt } from "./optimizers/groups.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";

/** Names of buffers. */
export const buffers = {
  loss: "output.loss",
  losses: "output.losses",
  /** An input of all windows of a batch. */
  windows: (input: string) => inputStorage(`windows.${input}`),
  evaluatedLoss: "evaluate.loss",
  squares: "norm.squares",
  nonfinite: "norm.nonfinite",
  limit: "sanitize.limit",
  scalars: "update.scalars",
  gradient: (path: string) => `grad.${path}`,
  /** The moments of AdamW. */
  first: (path: string) => momentStorage("adam.m", path),
  second: (path: string) => momentStorage("adam.v", path),
} as const;

/** What an optimizer keeps of a parameter: `moment` is one of its `moments`. */
export function momentStorage(moment: string, path: string): string {
  return `${moment}.${path}`;
}

/** How the processor computes micro-steps; nothing of an engine. */
export interface ProcessorChoice {
  /** Windows of one call, 1 unless given. Single ones stay possible beside it. */
  readonly batch?: number | undefined;
  /** Compute cheap values again for the gradients instead of keeping them. */
  readonly recompute?: boolean | undefined;
  /** Other processes compute micro-steps of the same groups: the last one of each sums their gradients. */
  readonly ranks?: boolean | undefined;
}

/**
 * The plan for a graph whose first output is the loss. With an engine, its calls are in `micro_step`;
 * without one, a batch of more than one window is also a program of its own.
 */
export function trainingPlan(
  graph: Graph,
  engineShare?: EngineShare,
  { batch = 1, recompute = false, ranks = false }: ProcessorChoice = {},
  optimizer: Optimizer = adamw,
): BuiltPlan {
  const plan = newPlan();
  const loss = graph.outputs[0]!.name;
  const storage = {
    accumulated: gradientsOf(graph),
    outputStorage: (output: string) => (output === loss ? buffers.loss : output),
  };
  let engine: EnginePlan | undefined;
  if (engineShare === undefined) {
    const trained = runPasses(graph, trainPipeline({ recompute })).graph;
    lowerToHost(plan, { name: "micro_step", graph: trained, ...storage });
    if (batch > 1) addBatch(plan, "batch", graph, { windows: batch, recompute });
    const programs = batch > 1 ? ["micro_step", "batch"] : ["micro_step"];
    if (ranks) addAllReduces(plan, programs, [...storage.accumulated]);
  } else {
    const { choice, scales } = engineShare;
    engine = addEnginePrograms(plan, graph, choice, scales, storage);
  }
  lowerToHost(plan, {
    name: "evaluate",
    graph: runPasses(graph, pipelines.infer).graph,
    outputStorage: () => buffers.evaluatedLoss,
  });
  addGradientPrograms(plan, graph.params.filter(isTrained));
  addUpdate(plan, graph, optimizer);
  return finishPlan(plan, engine);
}

function gradientsOf(graph: Graph): ReadonlySet<string> {
  return new Set(graph.params.filter(isTrained).map((p) => buffers.gradient(leafName(p))));
}

/** Adds a program of several windows. Nobody reads the sum of its losses, which was there to be derived. */
function addBatch(
  plan: PlanBuilder,
  name: string,
  graph: Graph,
  choice: TrainPipeline & { readonly windows: number },
  suffix = "",
): void {
  const { outputs, ...trained } = runPasses(graph, trainPipeline(choice)).graph;
  lowerToHost(plan, {
    name,
    graph: { ...trained, outputs: choice.windows === 1 ? outputs : outputs.slice(1) },
    accumulated: gradientsOf(graph),
    inputStorage: (input) => `${buffers.windows(input)}${suffix}`,
    outputStorage: (output) => (output.startsWith("grad.") ? output : `${buffers.losses}${suffix}`),
  });
}

/** A plan to find the fastest batch with: programs `batch_N` for each of `sizes`, and no update. */
export function batchTrialPlan(
  graph: Graph,
  sizes: readonly number[],
  recompute = false,
): BuiltPlan {
  const plan = newPlan();
  for (const windows of sizes)
    addBatch(plan, `batch_${windows}`, graph, { windows, recompute }, `.${windows}`);
  return finishPlan(plan);
}

/** What of a model is on the engine, and with which scales. */
export interface EngineShare {
  readonly choice: EngineChoice;
  readonly scales: Scales;
}

/** A plan that finds the scales: the program `sizes` beside the state of a training plan. */
export function calibrationPlan(
  graph: Graph,
  choice: EngineChoice,
  optimizer: Optimizer = adamw,
): { readonly built: BuiltPlan; readonly calibration: Calibration } {
  const plan = newPlan();
  const calibration = addCalibration(plan, graph, choice);
  addGradientPrograms(plan, graph.params.filter(isTrained));
  addUpdate(plan, graph, optimizer);
  return { built: finishPlan(plan), calibration };
}

function whole(plan: PlanBuilder, name: string, dtype: "f32" | "f64", elements: number) {
  const storage = stateStorage(plan, name, dtype, elements);
  return { storage, offset: 0, shape: [elements], strides: [1] };
}

function addGradientPrograms(plan: PlanBuilder, params: readonly Node[]): void {
  const norm = addProgram(plan, "norm");
  const sanitize = addProgram(plan, "sanitize");
  for (const [i, param] of params.entries()) {
    const path = leafName(param);
    const n = elementCount(param.type.shape);
    const gradient = whole(plan, buffers.gradient(path), "f32", n);
    norm.push({
      kernel: "sum_squares",
      operands: [
        gradient,
        whole(plan, buffers.squares, "f64", 1),
        whole(plan, buffers.nonfinite, "f64", 1),
      ],
      ints: [n, i === 0 ? WRITE.replace : WRITE.add],
      floats: [],
      label: `norm of ${path}`,
    });
    sanitize.push({
      kernel: "sanitize",
      operands: [gradient, whole(plan, buffers.limit, "f32", 1)],
      ints: [n],
      floats: [],
      label: `sanitize ${path}`,
    });
  }
}

function addUpdate(plan: PlanBuilder, graph: Graph, { kernel, moments }: Optimizer): void {
  const commands = addProgram(plan, "update");
  const scalars = whole(plan, buffers.scalars, "f32", GROUPS.length * SCALARS);
  const groupOf = groupsOf(graph);
  for (const param of graph.params.filter(isTrained)) {
    const path = leafName(param);
    const n = elementCount(param.type.shape);
    const names = [
      paramStorage(path),
      buffers.gradient(path),
      ...moments.map((moment) => momentStorage(moment, path)),
    ];
    commands.push({
      kernel,
      operands: [
        ...names.map((name) => whole(plan, name, "f32", n)),
        { ...scalars, offset: scalarsAt(groupOf(param)) },
      ],
      ints: [n],
      floats: [],
      label: `update of ${path}`,
    });
  }
}
