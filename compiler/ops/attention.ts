/**
 * Grouped-query attention as one op: softmax(scale · q·kᵀ [+ causal mask]) · v.
 *
 *     q [H, S, E], k and v [K, T, E] → [H, S, E]
 *
 * Query head h reads key head ⌊h/(H/K)⌋. With `causal`, query s sees keys t ≤ s + T − S. The
 * gradients recompute the probabilities: nothing of size [S, T] is kept. Axes before these, the same
 * for all operands, are windows that do not see each other.
 */
import { type Dim, dim, elementCount, sizesOf, type TensorType } from "../ir/types.ts";
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
  opOf,
  shapeFail,
} from "./define.ts";
import { type HostEmitter, type HostRule, innerViews, type View } from "./host.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { repeatHeads, sumHeads } from "./repeat_heads.ts";
import { reshape } from "./reshape.ts";
import { asHeads } from "./rope.ts";
import { softmax, softmaxGrad } from "./softmax.ts";
import { innerTensors, type Tensor, zeros } from "./tensor.ts";

export interface AttentionOptions {
  readonly scale: number;
  readonly causal: boolean;
}

function checked(name: string, inputs: readonly TensorType[]): TensorType {
  const q = floatOperand(name, inputs, 0, 3);
  const k = floatOperand(name, inputs, 1, 3);
  const v = floatOperand(name, inputs, 2, 3);
  const rank = q.shape.length;
  for (const [i, type] of inputs.entries()) {
    if (type.shape.length !== rank) {
      shapeFail(name, { kind: "rank", operand: i, type, needs: `${rank} dimensions, like q` });
    }
    for (const [axis, d] of type.shape.slice(0, -3).entries())
      needDim(name, inputs, i, d, q.shape[axis]!, `dimension ${axis}`);
  }
  const [heads, , size] = inner(q);
  const [keyHeads, keys, keySize] = inner(k);
  const [valueHeads, values, valueSize] = inner(v);
  needDim(name, inputs, 1, keySize, size, "the head size");
  needDim(name, inputs, 2, valueHeads, keyHeads, "the number of key heads");
  needDim(name, inputs, 2, values, keys, "the number of keys");
  needDim(name, inputs, 2, valueSize, size, "the head size");
  if (heads.size % keyHeads.size !== 0) {
    shapeFail(name, { kind: "share", from: keyHeads, to: heads });
  }
  return q;
}

/** Heads, rows and the size of a head. */
function inner({ shape }: TensorType): readonly [Dim, Dim, Dim] {
  return shape.slice(-3) as unknown as readonly [Dim, Dim, Dim];
}

/** The results for each window, as one tensor. */
function eachWindow(
  inputs: readonly Tensor[],
  shape: readonly number[],
  of: (window: readonly Tensor[]) => Tensor,
): Tensor {
  const out = zeros(shape);
  const windows = inputs.map((x) => innerTensors(x, 3));
  for (const [i, result] of innerTensors(out, 3).entries())
    result.data.set(of(windows.map((w) => w[i]!)).data);
  return out;
}

function probabilitiesOf(q: Tensor, k: Tensor, attrs: Attrs): Tensor {
  const [S, T] = [q.shape[1]!, k.shape[1]!];
  const visible = attrs["causal"] === true ? (s: number) => s + 1 + T - S : () => T;
  return probabilities(q, k, attrNumber(attrs, "scale"), visible);
}

function attentionFlops(products: number): OpDef["flops"] {
  return (inputs) => products * 2 * elementCount(inputs[0]!.shape) * inner(inputs[1]!)[1].size;
}

interface HeadOperand {
  readonly view: View;
  /** Of heads and rows, as the kernels take them. */
  readonly strides: readonly number[];
}

/** An operand that is one window; it is copied if the elements of its rows are not together. */
export function headOperand(host: HostEmitter, i: number): HeadOperand {
  return windowOperands(host, i)[0]!;
}

/** The same for each window. */
function windowOperands(host: HostEmitter, i: number): HeadOperand[] {
  const rank = Math.min(3, host.input(i).shape.length);
  const isCopied = innerViews(host.input(i), rank).some((v) => asHeads(v) === undefined);
  const views = innerViews(isCopied ? host.dense(i) : host.input(i), rank);
  return views.map((view) => ({ view, strides: headStrides(view) }));
}

/** One call for each window: operands, and results, which have the shapes of some of them. */
function callEach(
  host: HostEmitter,
  kernel: string,
  operandCount: number,
  results: readonly View[],
): void {
  const operands = Array.from({ length: operandCount }, (_, i) => windowOperands(host, i));
  const written = results.map((r) => innerViews(r, 3));
  const causal = host.node.attrs["causal"] === true ? 1 : 0;
  for (const at of operands[0]!.keys()) {
    const read = operands.map((windows) => windows[at]!);
    const outputs = written.map((windows) => windows[at]!);
    const [H, S, E] = read[0]!.view.shape as [number, number, number];
    const [K, T] = read[1]!.view.shape as [number, number];
    host.emit(
      kernel,
      [...read.map((o) => o.view), ...outputs],
      [H, K, S, T, E, ...read.flatMap((o) => o.strides), ...outputs.flatMap(headStrides), causal],
      [attrNumber(host.node.attrs, "scale")],
    );
  }
}

/**
 * The operands with heads of all windows one after the other: groups of consecutive heads stay groups,
 * so that what is written for one window holds for several.
 */
export function withFoldedWindows(node: Node, decompose: (node: Node) => Node): Node {
  const { shape } = node.type;
  const lead = shape.slice(0, -3);
  if (lead.length === 0) return decompose(node);
  const windows = lead.reduce((n, d) => n * d.size, 1);
  const folded = node.inputs.map((x) => {
    const [heads, rows, size] = inner(x.type);
    return reshape(x, [dim(null, windows * heads.size), rows, size]);
  });
  return reshape(decompose(apply(opOf(node), folded, node.attrs)), shape);
}

export function headStrides(view: View): readonly number[] {
  const heads = asHeads(view)!;
  return [heads.headStride, heads.rowStride];
}

const SAMPLES = [
  { inputs: ["H:4,S:3,E:2", "K:2,S:3,E:2", "K:2,S:3,E:2"], attrs: { scale: 0.5, causal: true } },
  { inputs: ["H:2,S:3,E:4", "K:1,T:5,E:4", "K:1,T:5,E:4"], attrs: { scale: 0.7, causal: false } },
  { inputs: ["H:2,S:2,E:4", "K:2,T:4,E:4", "K:2,T:4,E:4"], attrs: { scale: 0.5, causal: true } },
  {
    inputs: ["2,H:4,S:3,E:2", "2,K:2,S:3,E:2", "2,K:2,S:3,E:2"],
    attrs: { scale: 0.5, causal: true },
  },
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
  eval: (inputs, attrs, out) =>
    eachWindow(inputs, sizesOf(out.shape), ([q, k, v]) =>
      weighted(probabilitiesOf(q!, k!, attrs), v!),
    ),
  vjp: (node, dy) => {
    const operands = [...node.inputs, dy];
    return GRADIENTS.map((op) => apply(op, operands, node.attrs));
  },
  decompose: (windows) =>
    withFoldedWindows(windows, (node) => {
      const { p, values } = scores(node);
      return matmul(p, values);
    }),
  host: { stridedOutput: true, run: (host) => callEach(host, "attention", 3, [host.output]) },
  flops: attentionFlops(2),
  samples: SAMPLES,
});

const FAMILY = ["attention_grad_q", "attention_grad_k", "attention_grad_v"] as const;

/** One kernel call writes all three gradients. */
const hostGradient: HostRule = {
  stridedOutput: true,
  family: { name: "attention_grad", members: FAMILY },
  run: (host) =>
    callEach(
      host,
      "attention_grad",
      4,
      [0, 1, 2].map((i) => host.sibling(i)),
    ),
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
    eval: (inputs, attrs, out) =>
      eachWindow(inputs, sizesOf(out.shape), ([q, k, v, dy]) => {
        const p = probabilitiesOf(q!, k!, attrs);
        const { dq, dk, dv } = gradients(q!, k!, v!, dy!, p, attrNumber(attrs, "scale"));
        return [dq, dk, dv][member]!;
      }),
    decompose: (node) => withFoldedWindows(node, decompose),
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
