/**
 * Grouped-query attention as one op: softmax(scale · q·kᵀ [+ causal mask]) · v.
 *
 *     q [H, S, E], k and v [K, T, E] → [H, S, E]
 *
 * Query head h reads key head ⌊h/(H/K)⌋. With `causal`, query s sees keys t ≤ s + T − S. The
 * gradients recompute the probabilities: nothing of size [S, T] is kept.
 */
import { sizesOf, type TensorType } from "../ir/types.ts";
import { add } from "./add.ts";
import { gradients, probabilities, weighted } from "./attention_math.ts";
import { causalMask } from "./causal_mask.ts";
import {
  type Attrs,
  apply,
  attrNumber,
  defineOp,
  floatOperand,
  type Node,
  needArity,
  needDim,
  type OpDef,
  shapeFail,
} from "./define.ts";
import type { HostEmitter, HostRule, View } from "./host.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { repeatHeads, sumHeads } from "./repeat_heads.ts";
import { asHeads } from "./rope.ts";
import { softmax, softmaxGrad } from "./softmax.ts";
import type { Tensor } from "./tensor.ts";

export interface AttentionOptions {
  readonly scale: number;
  readonly causal: boolean;
}

function checked(name: string, inputs: readonly TensorType[]): TensorType {
  const q = floatOperand(name, inputs, 0, 3);
  const k = floatOperand(name, inputs, 1, 3);
  const v = floatOperand(name, inputs, 2, 3);
  needDim(name, inputs, 1, k.shape[2]!, q.shape[2]!, "the head size");
  needDim(name, inputs, 2, v.shape[0]!, k.shape[0]!, "the number of key heads");
  needDim(name, inputs, 2, v.shape[1]!, k.shape[1]!, "the number of keys");
  needDim(name, inputs, 2, v.shape[2]!, q.shape[2]!, "the head size");
  if (q.shape[0]!.size % k.shape[0]!.size !== 0) {
    shapeFail(name, { kind: "share", from: k.shape[0]!, to: q.shape[0]! });
  }
  return q;
}

function probabilitiesOf(q: Tensor, k: Tensor, attrs: Attrs): Tensor {
  const [S, T] = [q.shape[1]!, k.shape[1]!];
  const visible = attrs["causal"] === true ? (s: number) => s + 1 + T - S : () => T;
  return probabilities(q, k, attrNumber(attrs, "scale"), visible);
}

function attentionFlops(products: number): OpDef["flops"] {
  return (inputs) => {
    const [H, S, E] = sizesOf(inputs[0]!.shape) as [number, number, number];
    return products * 2 * H * S * inputs[1]!.shape[1]!.size * E;
  };
}

/** Head and row strides, as the kernels take them; the view is copied if its rows are not together. */
export function headOperand(
  host: HostEmitter,
  i: number,
): { readonly view: View; readonly strides: readonly number[] } {
  const view = asHeads(host.input(i)) === undefined ? host.dense(i) : host.input(i);
  return { view, strides: headStrides(view) };
}

export function headStrides(view: View): readonly number[] {
  const heads = asHeads(view)!;
  return [heads.headStride, heads.rowStride];
}

const SAMPLES = [
  { inputs: ["H:4,S:3,E:2", "K:2,S:3,E:2", "K:2,S:3,E:2"], attrs: { scale: 0.5, causal: true } },
  { inputs: ["H:2,S:3,E:4", "K:1,T:5,E:4", "K:1,T:5,E:4"], attrs: { scale: 0.7, causal: false } },
  { inputs: ["H:2,S:2,E:4", "K:2,T:4,E:4", "K:2,T:4,E:4"], attrs: { scale: 0.5, causal: true } },
];

/** Scores [H, S, T] after softmax, from simpler ops. */
function scores(node: Node): { p: Node; keys: Node; values: Node } {
  const [q, k, v] = [node.inputs[0]!, node.inputs[1]!, node.inputs[2]!];
  const heads = q.type.shape[0]!;
  const keys = repeatHeads(k, heads);
  const values = repeatHeads(v, heads);
  const z = mul(matmul(q, keys, { transpose_y: true }), attrNumber(node.attrs, "scale"));
  const masked =
    node.attrs["causal"] === true
      ? add(z, causalMask(q.scope, q.type.shape[1]!, k.type.shape[1]!))
      : z;
  return { p: softmax(masked), keys, values };
}

export const attentionOp: OpDef = defineOp({
  name: "attention",
  doc: "softmax(scale · q·kᵀ [+ causal mask]) · v with grouped heads",
  operands: ["q", "k", "v"],
  shape: (inputs) => {
    needArity("attention", inputs, 3);
    return checked("attention", inputs);
  },
  eval: ([q, k, v], attrs) => weighted(probabilitiesOf(q!, k!, attrs), v!),
  vjp: (node, dy) => {
    const operands = [...node.inputs, dy];
    return GRADIENTS.map((op) => apply(op, operands, node.attrs));
  },
  decompose: (node) => {
    const { p, values } = scores(node);
    return matmul(p, values);
  },
  host: {
    stridedOutput: true,
    run: (host) => {
      const operands = [0, 1, 2].map((i) => headOperand(host, i));
      const [H, S, E] = host.output.shape as [number, number, number];
      const [K, T] = operands[1]!.view.shape as [number, number];
      const strides = [...operands.flatMap((o) => o.strides), ...headStrides(host.output)];
      const causal = host.node.attrs["causal"] === true ? 1 : 0;
      host.emit(
        "attention",
        [...operands.map((o) => o.view), host.output],
        [H, K, S, T, E, ...strides, causal],
        [attrNumber(host.node.attrs, "scale")],
      );
    },
  },
  flops: attentionFlops(2),
  samples: SAMPLES,
});

const FAMILY = ["attention_grad_q", "attention_grad_k", "attention_grad_v"] as const;

/** One kernel call writes all three gradients. */
const hostGradient: HostRule = {
  stridedOutput: true,
  family: { name: "attention_grad", members: FAMILY },
  run: (host) => {
    const operands = [0, 1, 2, 3].map((i) => headOperand(host, i));
    const results = [0, 1, 2].map((i) => host.sibling(i));
    const [H, S, E] = operands[0]!.view.shape as [number, number, number];
    const [K, T] = operands[1]!.view.shape as [number, number];
    const strides = [...operands.flatMap((o) => o.strides), ...results.flatMap(headStrides)];
    const causal = host.node.attrs["causal"] === true ? 1 : 0;
    host.emit(
      "attention_grad",
      [...operands.map((o) => o.view), ...results],
      [H, K, S, T, E, ...strides, causal],
      [attrNumber(host.node.attrs, "scale")],
    );
  },
};

function gradientOp(member: 0 | 1 | 2, doc: string, decompose: (node: Node) => Node): OpDef {
  const name = FAMILY[member];
  return defineOp({
    name,
    doc,
    operands: ["q", "k", "v", "dy"],
    shape: (inputs) => {
      needArity(name, inputs, 4);
      const q = checked(name, inputs);
      const dy = floatOperand(name, inputs, 3, 3);
      for (const [i, d] of dy.shape.entries())
        needDim(name, inputs, 3, d, q.shape[i]!, `dimension ${i}`);
      return inputs[member]!;
    },
    eval: ([q, k, v, dy], attrs) => {
      const p = probabilitiesOf(q!, k!, attrs);
      const { dq, dk, dv } = gradients(q!, k!, v!, dy!, p, attrNumber(attrs, "scale"));
      return [dq, dk, dv][member]!;
    },
    decompose,
    host: hostGradient,
    flops: attentionFlops([3, 1, 1][member]!),
    samples: SAMPLES.map((s) => ({ ...s, inputs: [...s.inputs, s.inputs[0]!] })),
  });
}

/** dZ of the scores before scaling. */
function scoreGradient(node: Node): { dz: Node; p: Node; keys: Node } {
  const { p, keys, values } = scores(node);
  const dp = matmul(node.inputs[3]!, values, { transpose_y: true });
  return { dz: mul(softmaxGrad(p, dp), attrNumber(node.attrs, "scale")), p, keys };
}

const GRADIENTS: readonly OpDef[] = [
  gradientOp(0, "gradient of attention for q", (node) => {
    const { dz, keys } = scoreGradient(node);
    return matmul(dz, keys);
  }),
  gradientOp(1, "gradient of attention for k", (node) => {
    const { dz } = scoreGradient(node);
    return sumHeads(
      matmul(dz, node.inputs[0]!, { transpose_x: true }),
      node.inputs[1]!.type.shape[0]!,
    );
  }),
  gradientOp(2, "gradient of attention for v", (node) => {
    const { p } = scores(node);
    return sumHeads(
      matmul(p, node.inputs[3]!, { transpose_x: true }),
      node.inputs[2]!.type.shape[0]!,
    );
  }),
];

export const attentionGradQOp: OpDef = GRADIENTS[0]!;
export const attentionGradKOp: OpDef = GRADIENTS[1]!;
export const attentionGradVOp: OpDef = GRADIENTS[2]!;

/** Attention of q [H, S, E] over k and v [K, T, E]. */
export function attention(q: Node, k: Node, v: Node, { scale, causal }: AttentionOptions): Node {
  return apply(attentionOp, [q, k, v], { scale, causal });
}
