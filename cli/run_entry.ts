/** The work of `anec run`: which entry, are the tensors right, compute. */

import { differentiate } from "../compiler/autodiff/differentiate.ts";
import { type Graph, isParam, leafName, nodesOf } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { shapeWithSizes, sizesOf } from "../compiler/ir/types.ts";
import {
  ambiguousEntry,
  extraTensor,
  idOutOfRange,
  missingTensor,
  wrongTensorShape,
} from "../compiler/messages/usage.ts";
import { interpret, type Precision } from "../compiler/reference/interpret.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import type { Elaborated, Entry } from "../dsl/index.ts";
import { fromFloat32, fromFloat64, type Tensor, toFloat64, toInt32 } from "../formats/tensor.ts";
import { inputStorage, lowerToHost, paramStorage } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import { openSession } from "../training/host_session.ts";
import { entriesFor, entryName } from "./models.ts";

/**
 * The entry that is meant. Among several of one name it is the one whose arguments are all given, and
 * of those the one with the most. Throws a `UserError` (E0957, E0958).
 */
export function entryToRun(
  model: Elaborated,
  wish: string | undefined,
  given: readonly string[],
): Entry {
  const candidates = entriesFor(model, wish);
  if (candidates.length === 1) return candidates[0]!;
  if (new Set(candidates.map((e) => e.name)).size > 1) {
    throw new UserError(ambiguousEntry(model.source.path, candidates.map(entryName)));
  }
  const ranked = candidates.map((entry) => {
    const names = entry.graph().inputs.map(leafName);
    return {
      entry,
      arguments: names.length,
      missing: names.filter((n) => !given.includes(n)).length,
    };
  });
  ranked.sort((a, b) => Number(a.missing > 0) - Number(b.missing > 0) || b.arguments - a.arguments);
  const complete = ranked[0]!.missing === 0;
  // With no entry complete, what lacks least says best what is missing.
  if (!complete) ranked.sort((a, b) => a.missing - b.missing || a.arguments - b.arguments);
  return ranked[0]!.entry;
}

interface Names {
  /** Path of the input file. */
  readonly file: string;
  readonly entry: string;
}

/** The values of a graph's arguments and parameters. Throws a `UserError` with every fault of them. */
export function readInputs(
  graph: Graph,
  tensors: ReadonlyMap<string, Tensor>,
  { file, entry }: Names,
): Map<string, { readonly shape: readonly number[]; readonly data: Float64Array }> {
  const faults: Diagnostic[] = [];
  const leaves = new Map([...graph.inputs, ...graph.params].map((leaf) => [leafName(leaf), leaf]));
  const extra = [...tensors.keys()].filter((name) => !leaves.has(name));
  const missing = [...leaves.keys()].filter((name) => !tensors.has(name));
  for (const name of missing) {
    const leaf = leaves.get(name)!;
    const what = isParam(leaf) ? "a parameter" : "an argument";
    faults.push(missingTensor(file, entry, what, name, typeName(leaf), extra));
  }
  for (const name of extra) faults.push(extraTensor(file, entry, name, missing));

  const values = new Map<string, { shape: readonly number[]; data: Float64Array }>();
  for (const [name, leaf] of leaves) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    const shape = sizesOf(leaf.type.shape);
    if (String(tensor.shape) !== String(shape) || tensor.shape.length !== shape.length) {
      faults.push(
        wrongTensorShape(file, entry, name, `[${tensor.shape.join(", ")}]`, typeName(leaf)),
      );
      continue;
    }
    const isIds = leaf.type.dtype === "i32";
    const data = isIds ? Float64Array.from(toInt32(tensor, name)) : toFloat64(tensor);
    values.set(name, { shape, data });
  }
  faults.push(...badIds(graph, values, file));
  if (faults.length > 0) throw new UserError(faults);
  return values;
}

/** `i32[S 32]`, `[D 64, H*E 64]`. */
function typeName({ type }: Node): string {
  return `${type.dtype === "f32" ? "" : type.dtype}${shapeWithSizes(type.shape)}`;
}

/** Ids that name no row of the table, or no class of the loss, that they are used with. */
function badIds(
  graph: Graph,
  values: ReadonlyMap<string, { data: Float64Array }>,
  file: string,
): Diagnostic[] {
  const faults: Diagnostic[] = [];
  for (const node of nodesOf(graph)) {
    const isRows = node.op.name === "embedding";
    if (!isRows && node.op.name !== "cross_entropy") continue;
    const [counted, ids] = node.inputs as [Node, Node];
    const { shape } = counted.type;
    const dim = isRows ? shape[0]! : shape[shape.length - 1]!;
    const name = ids.op.name === "input" ? leafName(ids) : undefined;
    const data = name === undefined ? undefined : values.get(name)?.data;
    const position = data?.findIndex((id) => id < 0 || id >= dim.size) ?? -1;
    if (name === undefined || data === undefined || position < 0) continue;
    const of = `${shapeWithSizes([dim]).slice(1, -1)}, the ${isRows ? "rows of the table" : "classes of the loss"}`;
    faults.push(idOutOfRange(file, name, position, data[position]!, dim.size, of));
  }
  return faults;
}

export interface RunEntryOptions {
  readonly device: "reference" | "cpu";
  /** Of the reference. */
  readonly precision: Precision;
  /** Adds `grad.PATH` of every parameter. */
  readonly gradients: boolean;
}

type Values = ReturnType<typeof readInputs>;

/** The outputs by name: F64 for the reference in f64, else F32. */
export function runEntry(
  graph: Graph,
  values: Values,
  options: RunEntryOptions,
): Map<string, Tensor> {
  return options.device === "cpu"
    ? onCpu(graph, values, options)
    : onReference(graph, values, options);
}

function onReference(
  graph: Graph,
  values: Values,
  { precision, gradients }: RunEntryOptions,
): Map<string, Tensor> {
  const results = interpret(gradients ? differentiate(graph) : graph, values, { precision });
  return new Map(
    [...results].map(([name, { shape, data }]) => [
      name,
      precision === "f64" ? fromFloat64(shape, data) : fromFloat32(shape, Float32Array.from(data)),
    ]),
  );
}

function onCpu(graph: Graph, values: Values, { gradients }: RunEntryOptions): Map<string, Tensor> {
  const { graph: lowered } = runPasses(graph, pipelines[gradients ? "train" : "infer"]);
  const plan = newPlan();
  lowerToHost(plan, { name: "run", graph: lowered });
  const session = openSession(finishPlan(plan));
  try {
    for (const leaf of [...lowered.inputs, ...lowered.params]) {
      const name = leafName(leaf);
      const buffer = isParam(leaf) ? paramStorage(name) : inputStorage(name);
      const view = leaf.type.dtype === "i32" ? session.i32(buffer) : session.f32(buffer);
      view.set(values.get(name)!.data);
    }
    session.run("run", { first: true });
    return new Map(
      lowered.outputs.map(({ name, node }) => [
        name,
        fromFloat32(sizesOf(node.type.shape), session.f32(`output.${name}`).slice()),
      ]),
    );
  } finally {
    session.close();
  }
}
