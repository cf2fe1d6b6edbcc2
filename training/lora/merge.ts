/** Weights with their adapters added: W + scale · (A @ B), summed in double and rounded once. */
import { leafName } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { fromFloat32, type Tensor } from "../../formats/tensor.ts";
import { adapterOf, adapterPath } from "../../passes/lora.ts";
import { paramStorage } from "../../passes/lower_to_host.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { floatsOf, modelOf } from "../checkpoint_model.ts";

/** The values of one adapter. */
export interface Adapter {
  readonly rank: number;
  /** [inputs, rank] and [rank, outputs], row-major. */
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** weight + scale · (A @ B), as a copy; `weight` is [inputs, outputs]. */
export function mergedWeight(
  weight: Float32Array,
  { rank, a, b }: Adapter,
  scale: number,
): Float32Array {
  const inputs = a.length / rank;
  const outputs = b.length / rank;
  const merged = weight.slice();
  const row = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = a[i * rank + r]!;
      for (let o = 0; o < outputs; o++) row[o] = row[o]! + factor * b[r * outputs + o]!;
    }
    const at = i * outputs;
    for (let o = 0; o < outputs; o++) merged[at + o] = merged[at + o]! + scale * row[o]!;
  }
  return merged;
}

/** The adapter of a weight in a checkpoint. Throws a `UserError` (E0726, E0727). */
export function adapterIn(checkpoint: Checkpoint, weight: Node, rank: number): Adapter {
  const [inputs, outputs] = sizesOf(weight.type.shape) as [number, number];
  const path = leafName(weight);
  return {
    rank,
    a: floatsOf(checkpoint, paramStorage(adapterPath(path, "a")), [inputs, rank]),
    b: floatsOf(checkpoint, paramStorage(adapterPath(path, "b")), [rank, outputs]),
  };
}

/**
 * The checkpoint of a model without adapters that computes the same: parameters alone. A checkpoint that has none
 * is answered as it is.
 */
export function mergeAdapters(checkpoint: Checkpoint): Checkpoint {
  const { lora, ...model } = checkpoint.model;
  if (lora === undefined) return checkpoint;
  const { params } = modelOf(checkpoint).graph;
  const adapted = new Set(params.flatMap((p) => adapterOf(p)?.weight ?? []));
  const tensors = new Map<string, Tensor>();
  for (const param of params) {
    if (adapterOf(param) !== undefined) continue;
    const path = leafName(param);
    const shape = sizesOf(param.type.shape);
    const own = floatsOf(checkpoint, paramStorage(path), shape);
    const values = adapted.has(path)
      ? mergedWeight(own, adapterIn(checkpoint, param, lora.rank), lora.scale)
      : own;
    tensors.set(paramStorage(path), fromFloat32(shape, values));
  }
  const { random, lastLoss } = checkpoint.state;
  const group = { count: 0, loss: 0, before: { random, lastLoss } };
  return { ...checkpoint, model, tensors, state: { ...checkpoint.state, group } };
}
