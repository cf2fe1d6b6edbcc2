/** `anec compile --explain-fusion`: what each fusion joins, and what it saves on a model. */
import type { Graph } from "../compiler/ir/graph.ts";
import type { Weights } from "../index.ts";
import { explainFusions, type FusionStep, type SchemeTraffic } from "../passes/ane/fusions.ts";
import type { Scheme } from "../passes/ane/schemes.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { bytesText, grouped, table } from "./output.ts";

/** The steps from `none` to `layer` for the graph of a train. */
export function fusionSteps(graph: Graph, weights: Weights): readonly FusionStep[] {
  const graphFor = ({ foldsNorms }: Scheme): Graph =>
    runPasses(graph, pipelines[foldsNorms ? "ane_train" : "ane_hybrid"]).graph;
  return explainFusions(graphFor, weights);
}

const FIELDS = [
  ["dispatches", grouped],
  ["bytesWritten", bytesText],
  ["bytesRead", bytesText],
  ["bytesCopied", bytesText],
  ["bytesStaged", bytesText],
] as const;

/** A row a fusion, with what changes; before and after them the totals of a training step. */
export function printFusions(steps: readonly FusionStep[]): string {
  const totals = (name: string, t: SchemeTraffic): string[] => [
    name,
    ...FIELDS.map(([field, text]) => text(t[field])),
    "",
  ];
  const rows = steps.map(({ rule, before, after }) => [
    `  ${rule.name}`,
    ...FIELDS.map(([field, text]) => changed(after[field] - before[field], text)),
    rule.joins.length === 0 ? rule.doc : `${rule.joins.join(" + ")} → ${rule.into.join(", ")}`,
  ]);
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) return "";
  const head = ["", "dispatches", "written", "read", "copied", "staged", ""];
  const list = [totals("none", first.before), ...rows, totals("layer", last.after)];
  return table(list, { head, right: [1, 2, 3, 4, 5] });
}

function changed(difference: number, text: (n: number) => string): string {
  if (difference === 0) return "";
  return `${difference < 0 ? "−" : "+"}${text(Math.abs(difference))}`;
}

export function fusionsJson(steps: readonly FusionStep[]) {
  return steps.map(({ rule, before, after }) => ({
    name: rule.name,
    doc: rule.doc,
    joins: rule.joins,
    into: rule.into,
    needs: rule.after,
    before,
    after,
  }));
}
