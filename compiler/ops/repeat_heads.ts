/**
 * Key and value heads shared by groups of query heads, and the adjoint.
 *
 * Query head h reads key head ⌊h / (H/K)⌋: groups are consecutive. (The other mapping, h mod K, is
 * what several published kernels compute in the forward pass alone.)
 */
import { type Dim, sizesOf } from "../ir/types.ts";
import {
  apply,
  attrDims,
  defineOp,
  floatOperand,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { inBothLayouts } from "./elementwise.ts";
import { zeros } from "./tensor.ts";

export const repeatHeadsOp: OpDef = defineOp({
  name: "repeat_heads",
  doc: "each of K heads repeated for its H/K consecutive query heads",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("repeat_heads", inputs, 1);
    const x = floatOperand("repeat_heads", inputs, 0, 1);
    const [heads] = attrDims(attrs, "heads") as [Dim];
    const [from, ...rest] = x.shape as [Dim, ...Dim[]];
    if (heads.size % from.size !== 0) shapeFail("repeat_heads", { kind: "share", from, to: heads });
    return { dtype: x.dtype, shape: [heads, ...rest] };
  },
  eval: ([x], _attrs, out) => {
    const result = zeros(sizesOf(out.shape));
    const group = result.shape[0]! / x!.shape[0]!;
    const n = x!.data.length / x!.shape[0]!;
    for (let h = 0; h < result.shape[0]!; h++) {
      const k = Math.floor(h / group);
      result.data.set(x!.data.subarray(k * n, (k + 1) * n), h * n);
    }
    return result;
  },
  vjp: (node, dy) => [sumHeads(dy, node.inputs[0]!.type.shape[0]!)],
  host: {
    run: (host) => {
      const x = host.input(0);
      const group = host.output.shape[0]! / x.shape[0]!;
      const out = host.output.strides;
      const shape = [x.shape[0]!, group, ...x.shape.slice(1)];
      const from = [x.strides[0]!, 0, ...x.strides.slice(1)];
      const to = [out[0]! * group, out[0]!, ...out.slice(1)];
      host.emit("copy", [x, host.output], [shape.length, ...shape, ...from, ...to, 0]);
    },
  },
  ...inBothLayouts((m, [x]) => {
    // [K, …] → [K, 1, …] → tile → [H, …]: the repeats of one head stay together.
    const [k, ...rest] = x!.shape as [number, ...number[]];
    const inner = lastTwo(rest);
    const group = m.outShape[0]! / k;
    if (group === 1) return m.call("reshape", { x: x!, shape: { ints: m.outShape } });
    const apart = m.call("reshape", { x: x!, shape: { ints: [k, 1, ...inner] } });
    const tiled = m.call("tile", { x: apart, reps: { ints: [1, group, ...inner.map(() => 1)] } });
    return m.call("reshape", { x: tiled, shape: { ints: m.outShape } });
  }),
  samples: [
    { inputs: ["K:2,S:3,E:4"], attrs: { heads: [{ factors: [{ name: "H", size: 6 }], size: 6 }] } },
  ],
});

export const sumHeadsOp: OpDef = defineOp({
  name: "sum_heads",
  doc: "the sum over each group of H/K consecutive heads",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("sum_heads", inputs, 1);
    const x = floatOperand("sum_heads", inputs, 0, 1);
    const [heads] = attrDims(attrs, "heads") as [Dim];
    const [from, ...rest] = x.shape as [Dim, ...Dim[]];
    if (from.size % heads.size !== 0)
      shapeFail("sum_heads", { kind: "share", from: heads, to: from });
    return { dtype: x.dtype, shape: [heads, ...rest] };
  },
  eval: ([x], _attrs, out) => {
    const result = zeros(sizesOf(out.shape));
    const n = x!.data.length / x!.shape[0]!;
    const group = x!.shape[0]! / result.shape[0]!;
    for (let h = 0; h < x!.shape[0]!; h++) {
      const k = Math.floor(h / group);
      for (let i = 0; i < n; i++)
        result.data[k * n + i] = result.data[k * n + i]! + x!.data[h * n + i]!;
    }
    return result;
  },
  vjp: (node, dy) => [repeatHeads(dy, node.inputs[0]!.type.shape[0]!)],
  host: {
    accumulates: true,
    run: (host) => {
      const x = host.dense(0);
      const k = host.output.shape[0]!;
      const inner = x.shape.slice(1).reduce((p, d) => p * d, 1);
      host.emit("reduce", [x, host.output], [0, k, x.shape[0]! / k, inner, host.write]);
    },
  },
  ...inBothLayouts((m, [x]) => {
    const [h, ...rest] = x!.shape as [number, ...number[]];
    const k = m.outShape[0]!;
    if (h === k) return m.call("reshape", { x: x!, shape: { ints: m.outShape } });
    const apart = m.call("reshape", { x: x!, shape: { ints: [k, h / k, ...lastTwo(rest)] } });
    const summed = m.call("reduce_sum", { x: apart, axes: { ints: [1] }, keep_dims: false });
    return m.call("reshape", { x: summed, shape: { ints: m.outShape } });
  }),
  flops: (inputs) => inputs[0]!.shape.reduce((p, d) => p * d.size, 1),
  samples: [
    { inputs: ["H:6,S:3,E:4"], attrs: { heads: [{ factors: [{ name: "K", size: 2 }], size: 2 }] } },
  ],
});

/** The axes of a head as at most two; as one they would be longer than the engine allows. */
function lastTwo(sizes: readonly number[]): readonly number[] {
  if (sizes.length <= 2) return sizes;
  return [sizes.slice(0, -1).reduce((p, d) => p * d, 1), sizes.at(-1)!];
}

/** `x` [K, …] as [H, …], `heads` being H; `x` itself when H = K and the dimension is the same. */
export function repeatHeads(x: Node, heads: Dim): Node {
  return apply(repeatHeadsOp, [x], { heads: [heads] });
}

/** `x` [H, …] summed to [K, …], `heads` being K. */
export function sumHeads(x: Node, heads: Dim): Node {
  return apply(sumHeadsOp, [x], { heads: [heads] });
}
