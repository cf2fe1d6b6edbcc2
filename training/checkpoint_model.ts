/** Whether a checkpoint belongs to a model: its tensors, and another description of the same model. */
import { type Graph, isTrained, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { printGraph } from "../compiler/ir/print.ts";
import { shapeWithSizes, sizesOf } from "../compiler/ir/types.ts";
import {
  checkpointOfAnotherModel,
  missingTensor,
  unknownTensor,
  wrongTensor,
} from "../compiler/messages/checkpoints.ts";
import { invariant } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { elaborate } from "../dsl/index.ts";
import { type Tensor, toFloat32 } from "../formats/tensor.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import { type Checkpoint, hasGradients } from "./checkpoint.ts";
import { type ModelChoice, readModel, type TrainingModel, withRows } from "./model.ts";
import { momentsOf } from "./optimizers/index.ts";
import { buffers, momentStorage } from "./programs.ts";

/** The model of a checkpoint, with the rows it was trained with. Throws a `UserError`. */
export function modelOf({ model, vocabulary, origin }: Checkpoint): TrainingModel {
  const choice = { ...model, ...(origin && { origin }) };
  return withRows(readModel(choice), vocabulary.dim, vocabulary.size);
}

/** The tensors of a training state, by name: moments of what is trained, `grad.PATH` only with gradients. */
export function stateTensors(
  params: readonly Node[],
  moments: readonly string[],
  withGradients: boolean,
): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const param of params) {
    const [path, shape] = [leafName(param), sizesOf(param.type.shape)];
    const names = [paramStorage(path)];
    if (isTrained(param)) names.push(...moments.map((moment) => momentStorage(moment, path)));
    if (withGradients && isTrained(param)) names.push(buffers.gradient(path));
    for (const name of names) shapes.set(name, shape);
  }
  return shapes;
}

/** A tensor of a checkpoint as floats. Throws a `UserError` (E0726, E0727). */
export function floatsOf(
  checkpoint: Checkpoint,
  name: string,
  shape: readonly number[],
): Float32Array {
  const tensor = checkpoint.tensors.get(name);
  if (tensor === undefined) throw new UserError(missingTensor(checkpoint.path, name));
  const isRight =
    tensor.dtype === "F32" &&
    tensor.shape.length === shape.length &&
    tensor.shape.every((n, i) => n === shape[i]);
  if (!isRight) {
    const expected = `F32 [${shape.join(", ")}]`;
    throw new UserError(wrongTensor(checkpoint.path, name, textOf(tensor), expected));
  }
  return toFloat32(tensor);
}

function textOf({ dtype, shape }: Tensor): string {
  return `${dtype} [${shape.join(", ")}]`;
}

/** Every tensor of the model is there and no other. Throws a `UserError` (E0726 to E0728). */
export function checkTensors(checkpoint: Checkpoint, graph: Graph): void {
  const { state, settings } = checkpoint;
  const expected = stateTensors(graph.params, momentsOf(settings), hasGradients(state));
  for (const [name, shape] of expected) floatsOf(checkpoint, name, shape);
  for (const name of checkpoint.tensors.keys()) {
    if (!expected.has(name)) throw new UserError(unknownTensor(checkpoint.path, name));
  }
}

/** The `train` of a model given beside a checkpoint: that of the same name, if there is one. */
export function withEntry(choice: ModelChoice, entry: string): ModelChoice {
  const hasSame = elaborate(choice.source, { overrides: choice.overrides ?? {} }).entries.some(
    (e) => e.kind === "train" && e.name === entry,
  );
  return hasSame ? { ...choice, entry } : choice;
}

/**
 * A model given beside a checkpoint must be the checkpoint's own. Throws a `UserError` (E0725) that
 * lists the dimensions and parameters that differ.
 */
export function checkSameModel(
  checkpoint: Checkpoint,
  own: TrainingModel,
  choice: ModelChoice,
): void {
  const { given, differences } = compareModels(checkpoint, own, choice);
  if (differences.length === 0 && printGraph(own.graph) === printGraph(given.graph)) return;
  const { path } = checkpoint;
  throw new UserError(checkpointOfAnotherModel(path, own.entry, given.entry, differences));
}

/** The model given beside a checkpoint, for the same ids and adapters, and what of dimensions and parameters differs. */
export function compareModels(
  { vocabulary: { dim, full, size } }: Checkpoint,
  own: TrainingModel,
  choice: ModelChoice,
): { readonly given: TrainingModel; readonly differences: readonly string[] } {
  const asGiven = readModel({ ...choice, ...(own.lora && { lora: own.lora }) });
  const differences: string[] = [];
  const isSetFromOutside = dim !== null && Object.hasOwn(asGiven.overrides, dim);
  if (isSetFromOutside && asGiven.table.rows !== full) {
    differences.push(`${dim} ${full} in the checkpoint, ${asGiven.table.rows} given`);
  }
  // Another name of the vocabulary shows up among the differences below.
  const given = asGiven.table.dim === dim ? withRows(asGiven, dim, size) : asGiven;
  differences.push(...differencesOf("", own.elaborated.dims, given.elaborated.dims));
  differences.push(...differencesOf("", own.elaborated.hyper, given.elaborated.hyper));
  differences.push(...parameterDifferences(own, given));
  return { given, differences };
}

/** What of the parameters of two models differs. */
export function parameterDifferences(own: TrainingModel, given: TrainingModel): string[] {
  return differencesOf("parameter ", paramTexts(own.graph), paramTexts(given.graph));
}

function paramTexts(graph: Graph): Map<string, string> {
  return new Map(graph.params.map((p) => [leafName(p), shapeWithSizes(p.type.shape)]));
}

function differencesOf(
  kind: string,
  saved: ReadonlyMap<string, number | string>,
  given: ReadonlyMap<string, number | string>,
): string[] {
  const lines: string[] = [];
  for (const name of new Set([...saved.keys(), ...given.keys()])) {
    const [a, b] = [saved.get(name), given.get(name)];
    if (a === b) continue;
    invariant(a !== undefined || b !== undefined, "a name comes from one of the two");
    if (b === undefined) lines.push(`${kind}${name} ${a} only in the checkpoint`);
    else if (a === undefined) lines.push(`${kind}${name} ${b} only in the model given`);
    else lines.push(`${kind}${name} ${a} in the checkpoint, ${b} given`);
  }
  return lines;
}
