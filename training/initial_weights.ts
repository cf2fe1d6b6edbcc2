/**
 * A run that begins with the weights of a model instead of random ones, and a fresh optimizer.
 *
 *     const model = openModel("SmolLM2-135M");
 *     const trainer = trainFrom(model, { ...choiceFrom(model), data, dataName: "default" });
 *
 * Rows of a compacted vocabulary, along whichever axis of a parameter, are those of their ids; the spare row is that
 * of the lowest id without one.
 */
import { leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import type { Factor } from "../compiler/ir/types.ts";
import { unknownTensor } from "../compiler/messages/checkpoints.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { adapterOf } from "../passes/lora.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { floatsOf } from "./checkpoint_model.ts";
import { checkTokenizer } from "./known_ids.ts";
import type { ModelChoice } from "./model.ts";
import { createTrainer } from "./trainer.ts";
import type { Trainer, TrainerOptions } from "./trainer_types.ts";
import { pickedRows, rowOfId, type Vocabulary } from "./vocabulary.ts";

/** The model of a checkpoint with a row for every id, to train on other data; with its adapters, if it has some. */
export function choiceFrom({ model, vocabulary, origin }: Checkpoint): ModelChoice {
  const { source, entry, overrides, lora } = model;
  const rows = vocabulary.dim === null ? {} : { [vocabulary.dim]: vocabulary.full };
  return {
    ...{ source, entry, overrides: { ...overrides, ...rows } },
    ...(origin && { origin }),
    ...(lora && { lora }),
  };
}

/**
 * Starts a run with the weights of `initial`. Throws a `UserError`: E0726 to E0728 for weights that are not the
 * model's, E0832 for data of another tokenizer, those of `createTrainer`.
 */
export function trainFrom(initial: Checkpoint, options: TrainerOptions): Trainer {
  checkTokenizer(initial, options.data);
  const trainer = createTrainer(options);
  try {
    const { params } = trainer.model.graph;
    const names = new Set(params.map((param) => paramStorage(leafName(param))));
    for (const name of initial.tensors.keys()) {
      const isOther = name.startsWith(paramStorage("")) && !names.has(name);
      if (isOther) throw new UserError(unknownTensor(initial.path, name));
    }
    for (const param of params) {
      const path = leafName(param);
      const isNew = adapterOf(param) !== undefined && !initial.tensors.has(paramStorage(path));
      if (!isNew) trainer.param(path).set(valuesFrom(initial, param, trainer.vocabulary));
    }
    trainer.restage();
    return trainer;
  } catch (error) {
    trainer.close();
    throw error;
  }
}

/**
 * What a parameter of a model with the rows of `vocabulary` starts with, from the weights of `initial`. Throws a
 * `UserError` (E0726, E0727).
 */
export function valuesFrom(initial: Checkpoint, param: Node, vocabulary: Vocabulary): Float32Array {
  const { dim, size } = vocabulary;
  const rows = initial.vocabulary.size;
  const { shape } = param.type;
  // By name, as another dimension may be as long; a dimension such as `2*V` is two axes.
  const isIds = ({ name }: Factor): boolean => dim !== null && name === dim;
  const savedSize = (f: Factor): number => (isIds(f) ? rows : f.size);
  const saved = shape.map((d) => d.factors.reduce((n, f) => n * savedSize(f), 1));
  let values = floatsOf(initial, paramStorage(leafName(param)), saved);
  const factors = shape.flatMap((d) => d.factors);
  if (!factors.some(isIds)) return values;
  const rowOf = rowOfId(initial.vocabulary) ?? ((id: number) => id);
  const from = new Int32Array(size);
  for (const { id, row } of rowsOf(vocabulary)) from[row] = Math.min(rowOf(id), rows - 1);
  const sizes = factors.map(savedSize);
  for (const [axis, factor] of factors.entries()) {
    if (!isIds(factor)) continue;
    values = pickedAlong(values, sizes, axis, from);
    sizes[axis] = size;
  }
  return values;
}

/** The elements `from` of an axis, in that order, of row-major values. */
function pickedAlong(
  values: Float32Array,
  sizes: readonly number[],
  axis: number,
  from: Int32Array,
): Float32Array {
  const length = sizes[axis]!;
  const inner = sizes.slice(axis + 1).reduce((n, size) => n * size, 1);
  const outer = values.length / (length * inner);
  const picked = new Float32Array(outer * from.length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of from) {
      const begin = (o * length + index) * inner;
      for (let i = 0; i < inner; i++) picked[at++] = values[begin + i]!;
    }
  }
  return picked;
}

/** Every row with the id whose values it starts with. */
function rowsOf(vocabulary: Vocabulary) {
  return (
    pickedRows(vocabulary) ?? Array.from({ length: vocabulary.size }, (_, id) => ({ id, row: id }))
  );
}
