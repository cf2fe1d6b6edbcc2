/**
 * A model with the adapters of a LoRA sidecar of AutoANE beside its weights.
 *
 *   theirs   A [rank, inputs], B [outputs, rank], its rows in the order of those of the weight
 *   ours     A [inputs, rank], B [rank, outputs]
 *
 * A sidecar's checkpoint holds W + B·A already, unless the sidecar says otherwise: then B·A is taken away again.
 */
import { leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { invariant } from "../../compiler/support/bug.ts";
import type { LoraAdapters } from "../../formats/lora_sidecar.ts";
import { fromFloat32, type Tensor, toFloat32 } from "../../formats/tensor.ts";
import type { TransformerConfig } from "../../formats/weights.ts";
import { ATTENTION_TARGETS, adapterPath, type Lora } from "../../passes/lora.ts";
import { paramStorage } from "../../passes/lower_to_host.ts";
import { correspondences } from "../architecture.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { modelOf } from "../checkpoint_model.ts";
import { ownTensor } from "../foreign_model.ts";
import { mergedWeight } from "./merge.ts";

/** `base` is a checkpoint made of weights of `config`: rotary pairs are next to each other. */
export function withSidecar(
  base: Checkpoint,
  config: TransformerConfig,
  { rank, pairs, merged }: LoraAdapters,
): Checkpoint {
  const lora: Lora = {
    ...{ rank, scale: 1, targets: ATTENTION_TARGETS, norms: true },
    ...(merged ? { unmerged: true } : {}),
  };
  const model = { ...base.model, lora };
  const beside = new Map<string, Tensor>();
  const changed = new Map<string, Tensor>();
  for (const each of correspondences(config)) {
    const pair = pairs.get(each.tensor);
    if (pair === undefined) continue;
    const a = ownTensor(pair.a, { ...each, isRotary: false }, config);
    const b = ownTensor(pair.b, each, config);
    beside.set(paramStorage(adapterPath(each.param, "a")), a);
    beside.set(paramStorage(adapterPath(each.param, "b")), b);
    if (!merged) continue;
    const name = paramStorage(each.param);
    const whole = base.tensors.get(name)!;
    const adapter = { rank, a: toFloat32(a), b: toFloat32(b) };
    changed.set(name, fromFloat32(whole.shape, mergedWeight(toFloat32(whole), adapter, -1)));
  }
  const all = new Map([...base.tensors, ...changed, ...beside]);
  const { params } = modelOf({ ...base, model }).graph;
  const tensors = new Map<string, Tensor>();
  for (const param of params) {
    const name = paramStorage(leafName(param));
    const tensor = all.get(name);
    invariant(String(tensor?.shape) === String(sizesOf(param.type.shape)), `${name} has its shape`);
    tensors.set(name, tensor!);
  }
  return { ...base, model, tensors };
}
