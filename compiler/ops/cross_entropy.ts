/**
 * Mean cross entropy of logits against target ids, in nats.
 *
 *     loss = (1/S) Σ_s (log Σ_v e^z[s,v] − z[s, target_s])
 *     dz   = dloss/S · (softmax(z) − onehot(target))
 *
 * The log of the sum is taken after subtracting the row's maximum; no guard is added to it. With
 * `lead: n`, there is one loss, a mean of its own, for each index of the first n axes.
 */
import { elementCount, sizesOf, type TensorType } from "../ir/types.ts";
import {
  type Attrs,
  apply,
  defineOp,
  floatOperand,
  intOperand,
  type Node,
  needArity,
  needDim,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { type HostEmitter, innerViews, type View } from "./host.ts";
import { type Tensor, zeros } from "./tensor.ts";

function leadOf(attrs: Attrs): number {
  return (attrs["lead"] as number | undefined) ?? 0;
}

function checked(name: string, inputs: readonly TensorType[], attrs: Attrs): TensorType {
  const logits = floatOperand(name, inputs, 0, 1);
  const targets = intOperand(name, inputs, 1);
  const rows = logits.shape.slice(0, -1);
  const lead = leadOf(attrs);
  if (!(Number.isInteger(lead) && lead >= 0 && lead <= rows.length)) {
    const needs = `a whole number from 0 to ${rows.length}`;
    shapeFail(name, { kind: "attribute", name: "lead", value: String(lead), needs });
  }
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

/** What the kernel takes for each loss: rows and logits of a row. */
function hostSizes(logits: View): [number, number] {
  const V = logits.shape[logits.shape.length - 1]!;
  return [elementsOf(logits) / V, V];
}

function elementsOf({ shape }: View): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Logits and targets of each loss. */
function windowsOf(host: HostEmitter): readonly (readonly [View, View])[] {
  const [logits, targets] = [host.dense(0), host.dense(1)];
  const lead = leadOf(host.node.attrs);
  const parts = innerViews(targets, targets.shape.length - lead);
  return innerViews(logits, logits.shape.length - lead).map((z, i) => [z, parts[i]!]);
}

export const crossEntropyOp: OpDef = defineOp({
  name: "cross_entropy",
  doc: "mean over rows of log Σ e^z − z[target], in nats",
  operands: ["logits", "targets"],
  shape: (inputs, attrs) => {
    needArity("cross_entropy", inputs, 2);
    const { dtype, shape } = checked("cross_entropy", inputs, attrs);
    return { dtype, shape: shape.slice(0, leadOf(attrs)) };
  },
  eval: ([logits, targets], _attrs, out) => {
    const { count, row } = rowsOf(logits!);
    const losses = zeros(sizesOf(out.shape));
    const each = count / losses.data.length;
    for (let s = 0; s < count; s++) {
      const at = Math.floor(s / each);
      const loss = logSumExp(row(s)) - row(s)[targets!.data[s]!]!;
      losses.data[at] = losses.data[at]! + loss / each;
    }
    return losses;
  },
  vjp: (node, dloss) => [
    apply(crossEntropyGradOp, [node.inputs[0]!, node.inputs[1]!, dloss], node.attrs),
    null,
  ],
  host: {
    accumulates: true,
    run: (host) => {
      const losses = innerViews(host.output, 0);
      for (const [i, [logits, targets]] of windowsOf(host).entries()) {
        const ints = [...hostSizes(logits), host.write];
        host.emit("cross_entropy", [logits, targets, losses[i]!], ints);
      }
    },
  },
  flops: (inputs) => 5 * elementCount(inputs[0]!.shape),
  samples: [
    { inputs: ["S:3,V:5", { shape: "S:3", below: 5 }] },
    { inputs: ["2,S:3,V:5", { shape: "2,S:3", below: 5 }], attrs: { lead: 1 } },
  ],
});

export const crossEntropyGradOp: OpDef = defineOp({
  name: "cross_entropy_grad",
  doc: "gradient of cross_entropy for the logits",
  operands: ["logits", "targets", "dloss"],
  shape: (inputs, attrs) => {
    needArity("cross_entropy_grad", inputs, 3);
    const logits = checked("cross_entropy_grad", inputs, attrs);
    const dloss = floatOperand("cross_entropy_grad", inputs, 2, leadOf(attrs));
    for (const [i, d] of dloss.shape.slice(0, leadOf(attrs)).entries())
      needDim("cross_entropy_grad", inputs, 2, d, logits.shape[i]!, `dimension ${i}`);
    return logits;
  },
  eval: ([logits, targets, dloss]) => {
    const { count, V, row } = rowsOf(logits!);
    const dz = zeros(logits!.shape);
    const each = count / dloss!.data.length;
    for (let s = 0; s < count; s++) {
      const factor = dloss!.data[Math.floor(s / each)]! / each;
      const lse = logSumExp(row(s));
      for (let v = 0; v < V; v++) dz.data[s * V + v] = factor * Math.exp(row(s)[v]! - lse);
      const at = s * V + targets!.data[s]!;
      dz.data[at] = dz.data[at]! - factor;
    }
    return dz;
  },
  host: {
    inPlace: 0,
    run: (host) => {
      const dlosses = innerViews(host.dense(2), 0);
      const lead = leadOf(host.node.attrs);
      const results = innerViews(host.output, host.output.shape.length - lead);
      for (const [i, [logits, targets]] of windowsOf(host).entries()) {
        const operands = [logits, targets, dlosses[i]!, results[i]!];
        host.emit("cross_entropy_grad", operands, hostSizes(logits));
      }
    },
  },
  flops: (inputs) => 5 * elementCount(inputs[0]!.shape),
  samples: [
    { inputs: ["S:3,V:5", { shape: "S:3", below: 5 }, ""] },
    { inputs: ["2,S:3,V:5", { shape: "2,S:3", below: 5 }, "2"], attrs: { lead: 1 } },
  ],
});

/** Mean cross entropy in nats of `logits` […, V] against `targets` […], ids below V. */
export function crossEntropy(logits: Node, targets: Node): Node {
  return apply(crossEntropyOp, [logits, targets]);
}
