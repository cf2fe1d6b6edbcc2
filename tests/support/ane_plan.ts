/** The cut of a training step with the ports of its calls, as `compile` makes it. */
import type { Graph } from "../../compiler/ir/graph.ts";
import { type AnePlan, planAne } from "../../passes/ane/compile.ts";
import type { Scheme } from "../../passes/ane/schemes.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";

export function planOf(train: Graph, scheme: Scheme): AnePlan {
  const passes = pipelines[scheme.foldsNorms ? "ane_train" : "ane_hybrid"];
  return planAne(runPasses(train, passes, {}).graph, { scheme, weights: "packed" });
}
