/** 0 where a query may look and −∞ where it may not: added to attention scores before softmax. */
import { makeNode, type Node, type Scope } from "../ir/node.ts";
import { type Dim, sizesOf } from "../ir/types.ts";
import { attrDims, defineOp, type OpDef, shapeFail } from "./define.ts";
import { zeros } from "./tensor.ts";

/** The most negative fp16 number: softmax of it is 0 on the engine, where −∞ is not to be trusted. */
const HALF_MIN = -65504;

export const causalMaskOp: OpDef = defineOp({
  name: "causal_mask",
  doc: "[S, T]: 0 where query s may see key t ≤ s + T − S, else −∞",
  operands: [],
  shape: (_inputs, attrs) => {
    const shape = attrDims(attrs, "shape");
    if (shape.length !== 2) {
      shapeFail("causal_mask", {
        kind: "attribute",
        name: "shape",
        value: String(shape.length),
        needs: "2 dimensions",
      });
    }
    return { dtype: "f32", shape };
  },
  eval: (_inputs, _attrs, out) => {
    const [s, t] = sizesOf(out.shape) as [number, number];
    const mask = zeros([s, t]);
    for (let i = 0; i < s; i++) {
      for (let j = i + t - s + 1; j < t; j++) mask.data[i * t + j] = Number.NEGATIVE_INFINITY;
    }
    return mask;
  },
  mil: (m) => {
    const [s, t] = sizesOf(m.node.type.shape) as [number, number];
    const values = new Float64Array(s * t);
    for (let i = 0; i < s; i++) values.fill(HALF_MIN, i * t + i + t - s + 1, (i + 1) * t);
    return m.table([s, t], values, "causal_mask");
  },
  samples: [
    {
      inputs: [],
      attrs: { shape: [3, 4].map((size) => ({ factors: [{ name: null, size }], size })) },
    },
  ],
});

/** The mask for `rows` queries and as many keys, or `columns` keys of which the queries are the last. */
export function causalMask(scope: Scope, rows: Dim, columns: Dim = rows): Node {
  return makeNode(scope, causalMaskOp, [], { shape: [rows, columns] });
}
