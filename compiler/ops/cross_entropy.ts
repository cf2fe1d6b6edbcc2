/**
 * Mean cross entropy of logits against target ids, in nats.
 *
 *     loss = (1/S) Σ_s (log Σ_v e^z[s,v] − z[s, target_s])
 *     dz   = dloss/S · (softmax(z) − onehot(target))
 *
 * The log of the sum is taken after subtracting the row's maximum; no guard is added to it.
 */
import { elementCount, type TensorType } from "../ir/types.ts";
import {
  apply,
  defineOp,
  floatOperand,
  intOperand,
  type Node,
  needArity,
  needDim,
  type OpDef,
} from "./define.ts";
import { type Tensor, zeros } from "./tensor.ts";

function checked(name: string, inputs: readonly TensorType[]): TensorType {
  const logits = floatOperand(name, inputs, 0, 1);
  const targets = intOperand(name, inputs, 1);
  const rows = logits.shape.slice(0, -1);
  if (targets.shape.length === rows.length) {
    for (const [i, d] of rows.entries())
      needDim(name, inputs, 1, targets.shape[i]!, d, `dimension ${i}`);
    return logits;
  }
  floatOperand(name, inputs, 0, targets.shape.length + 1);
  return logits;
}

/** log Σ e^z of a row. */
function logSumExp(row: Float64Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const z of row) max = Math.max(max, z);
  let sum = 0;
  for (const z of row) sum += Math.exp(z - max);
  return max + Math.log(sum);
}

function rowsOf(logits: Tensor): { count: number; V: number; row: (s: number) => Float64Array } {
  const V = logits.shape[logits.shape.length - 1]!;
  return { count: logits.data.length / V, V, row: (s) => logits.data.subarray(s * V, (s + 1) * V) };
}

function hostSizes(node: Node): [number, number] {
  const shape = node.inputs[0]!.type.shape;
  const V = shape[shape.length - 1]!.size;
  return [elementCount(shape) / V, V];
}

export const crossEntropyOp: OpDef = defineOp({
  name: "cross_entropy",
  doc: "mean over rows of log Σ e^z − z[target], in nats",
  operands: ["logits", "targets"],
  shape: (inputs) => {
    needArity("cross_entropy", inputs, 2);
    return { dtype: checked("cross_entropy", inputs).dtype, shape: [] };
  },
  eval: ([logits, targets]) => {
    const { count, row } = rowsOf(logits!);
    let sum = 0;
    for (let s = 0; s < count; s++) sum += logSumExp(row(s)) - row(s)[targets!.data[s]!]!;
    return { shape: [], data: Float64Array.of(sum / count) };
  },
  vjp: (node, dloss) => [
    apply(crossEntropyGradOp, [node.inputs[0]!, node.inputs[1]!, dloss]),
    null,
  ],
  host: {
    accumulates: true,
    run: (host) =>
      host.emit(
        "cross_entropy",
        [host.dense(0), host.dense(1), host.output],
        [...hostSizes(host.node), host.write],
      ),
  },
  flops: (inputs) => 5 * elementCount(inputs[0]!.shape),
  samples: [{ inputs: ["S:3,V:5", { shape: "S:3", below: 5 }] }],
});

export const crossEntropyGradOp: OpDef = defineOp({
  name: "cross_entropy_grad",
  doc: "gradient of cross_entropy for the logits",
  operands: ["logits", "targets", "dloss"],
  shape: (inputs) => {
    needArity("cross_entropy_grad", inputs, 3);
    floatOperand("cross_entropy_grad", inputs, 2);
    return checked("cross_entropy_grad", inputs);
  },
  eval: ([logits, targets, dloss]) => {
    const { count, V, row } = rowsOf(logits!);
    const dz = zeros(logits!.shape);
    const factor = dloss!.data[0]! / count;
    for (let s = 0; s < count; s++) {
      const lse = logSumExp(row(s));
      for (let v = 0; v < V; v++) dz.data[s * V + v] = factor * Math.exp(row(s)[v]! - lse);
      const at = s * V + targets!.data[s]!;
      dz.data[at] = dz.data[at]! - factor;
    }
    return dz;
  },
  host: {
    inPlace: 0,
    run: (host) =>
      host.emit(
        "cross_entropy_grad",
        [host.dense(0), host.dense(1), host.dense(2), host.output],
        hostSizes(host.node),
      ),
  },
  flops: (inputs) => 5 * elementCount(inputs[0]!.shape),
  samples: [{ inputs: ["S:3,V:5", { shape: "S:3", below: 5 }, ""] }],
});

/** Mean cross entropy in nats of `logits` […, V] against `targets` […], ids below V. */
export function crossEntropy(logits: Node, targets: Node): Node {
  return apply(crossEntropyOp, [logits, targets]);
}
