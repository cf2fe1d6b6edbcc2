/**
 * The programs of training without gradients, in one session plan:
 *
 *   evaluate    loss of a window → evaluate.loss; on an engine, with its calls
 *   perturb     moves every trained parameter by a step of random sign (`perturb.ts`)
 *   stage       of an engine: weights to its surfaces
 *
 * There are no gradients and no moments: what a run holds is what inference holds.
 */
import type { EnginePlan } from "../../compiler/bundle/plan.ts";
import { type Graph, isTrained } from "../../compiler/ir/graph.ts";
import { schemeOf } from "../../index.ts";
import { type AneOptions, compileAne, planAne } from "../../passes/ane/compile.ts";
import { offload } from "../../passes/ane/offload.ts";
import { decomposeForHost } from "../../passes/decompose.ts";
import { foldTransposes } from "../../passes/fold_transposes.ts";
import { fuseAttention } from "../../passes/fuse_attention.ts";
import { fuseSwiglu } from "../../passes/fuse_swiglu.ts";
import { lowerToHost, paramStorage } from "../../passes/lower_to_host.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import {
  addProgram,
  type BuiltPlan,
  finishPlan,
  newPlan,
  type PlanBuilder,
  type StorageDType,
  stateStorage,
} from "../../passes/plan_builder.ts";
import { simplify } from "../../passes/simplify.ts";
import { type Calibration, calibrationOf, type Scales } from "../calibrate.ts";
import type { TrainingModel } from "../model.ts";
import { buffers } from "../programs.ts";
import type { Moved } from "./order.ts";

/** Names of buffers. */
export const mezoBuffers = {
  /** Seed of the counted signs, or the state of the stream. */
  key: "mezo.key",
  /** Add, more, grid. */
  move: "mezo.move",
  map: "mezo.map",
} as const;

/** Whether what the engine holds changes with the parameters that are trained. */
export function restages({ graph, lora }: Pick<TrainingModel, "graph" | "lora">): boolean {
  if (lora?.form === "merged") return true;
  return graph.params.some((p) => isTrained(p) && p.type.shape.length === 2 && !isAdapter(p));
}

function isAdapter(param: Graph["params"][number]): boolean {
  return param.attrs["adapts"] !== undefined;
}

/** The forward products on the engine, everything else on the host: nothing there depends on norms or adapters. */
const SHARE: AneOptions = {
  scheme: schemeOf({ ane: "matmul" }),
  weights: "packed",
};

const forEngine = (graph: Graph): Graph =>
  runPasses(graph, [simplify, foldTransposes, fuseAttention, fuseSwiglu]).graph;

export interface MezoPlanOptions {
  readonly graph: Graph;
  readonly moved: readonly Moved[];
  /** Of the products on an engine; without one, undefined. */
  readonly scales?: Scales | undefined;
}

export function mezoPlan({ graph, moved, scales }: MezoPlanOptions): BuiltPlan {
  const plan = newPlan();
  let engine: EnginePlan | undefined;
  const outputStorage = (): string => buffers.evaluatedLoss;
  if (scales === undefined) {
    const { graph: forward } = runPasses(graph, pipelines.infer);
    lowerToHost(plan, { name: "evaluate", graph: forward, outputStorage });
  } else {
    const made = compileAne(forEngine(graph), { ...SHARE, scales: scales.programs });
    const { run, stage, engine: parts } = offload(made.graph, made);
    const forHost = (part: Graph): Graph => runPasses(part, [decomposeForHost]).graph;
    lowerToHost(plan, { name: "evaluate", graph: forHost(run), outputStorage });
    lowerToHost(plan, { name: "stage", graph: forHost(stage) });
    engine = parts;
  }
  addPerturb(plan, moved);
  return finishPlan(plan, engine);
}

/** A plan that measures the operands of the engine's products: the program `sizes`. */
export function mezoCalibration(graph: Graph): {
  readonly built: BuiltPlan;
  readonly calibration: Calibration;
} {
  const plan = newPlan();
  const calibration = calibrationOf(planAne(forEngine(graph), SHARE), "none");
  lowerToHost(plan, {
    name: "sizes",
    graph: runPasses(calibration.graph, [decomposeForHost]).graph,
    outputStorage: (output) => `sizes.${output}`,
  });
  return { built: finishPlan(plan), calibration };
}

function addPerturb(plan: PlanBuilder, moved: readonly Moved[]): void {
  const commands = addProgram(plan, "perturb");
  const whole = (name: string, dtype: StorageDType, elements: number) => {
    const storage = stateStorage(plan, name, dtype, elements);
    return { storage, offset: 0, shape: [elements], strides: [1] };
  };
  const isStream = moved.some((m) => m.layout !== undefined);
  const key = whole(mezoBuffers.key, "i32", isStream ? 8 : 2);
  const move = whole(mezoBuffers.move, "f32", 3);
  for (const [number, { path, elements, layout }] of moved.entries()) {
    const weight = whole(paramStorage(path), "f32", elements);
    const label = `signs of ${path}`;
    if (layout === undefined) {
      const ints = [elements, number];
      commands.push({ kernel: "perturb", operands: [weight, key, move], ints, floats: [], label });
      continue;
    }
    const { outer, inner, transposed, map } = layout;
    const mapped = map === undefined ? null : whole(mezoBuffers.map, "i32", map.length);
    const rows = mapped === null ? outer : elements / inner;
    const ints = [outer, inner, rows, transposed ? 1 : 0, mapped === null ? 0 : 1];
    const operands = [weight, key, move, mapped];
    commands.push({ kernel: "perturb_stream", operands, ints, floats: [], label });
  }
}
