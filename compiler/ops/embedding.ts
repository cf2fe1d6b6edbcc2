/** Rows of a table by index, and the adjoint that adds rows back. */
import { type Dim, elementCount, sizesOf } from "../ir/types.ts";
import {
  apply,
  attrDims,
  defineOp,
  floatOperand,
  intOperand,
  type Node,
  needArity,
  needDim,
  type OpDef,
} from "./define.ts";
import { zeros } from "./tensor.ts";

export const embeddingOp: OpDef = defineOp({
  name: "embedding",
  doc: "row `ids[…]` of a table for every id",
  operands: ["table", "ids"],
  shape: (inputs) => {
    needArity("embedding", inputs, 2);
    const table = floatOperand("embedding", inputs, 0, 2);
    const ids = intOperand("embedding", inputs, 1);
    return { dtype: table.dtype, shape: [...ids.shape, table.shape[1]!] };
  },
  eval: ([table, ids], _attrs, out) => {
    const result = zeros(sizesOf(out.shape));
    const n = table!.shape[1]!;
    for (const [i, id] of ids!.data.entries()) {
      result.data.set(table!.data.subarray(id * n, (id + 1) * n), i * n);
    }
    return result;
  },
  vjp: (node, dy) => [embeddingGrad(node.inputs[1]!, dy, node.inputs[0]!.type.shape[0]!), null],
  host: {
    run: (host) => {
      const [V, D] = sizesOf(host.node.inputs[0]!.type.shape) as [number, number];
      const n = elementCount(host.node.inputs[1]!.type.shape);
      host.emit("embedding", [host.dense(0), host.dense(1), host.output], [n, V, D]);
    },
  },
  samples: [{ inputs: ["V:5,D:4", { shape: "S:3", below: 5 }] }],
});

export const embeddingGradOp: OpDef = defineOp({
  name: "embedding_grad",
  doc: "a table of zeros with dy[i] added to row ids[i]",
  operands: ["ids", "dy"],
  shape: (inputs, attrs) => {
    needArity("embedding_grad", inputs, 2);
    const ids = intOperand("embedding_grad", inputs, 0);
    const dy = floatOperand("embedding_grad", inputs, 1, 1);
    for (const [i, d] of ids.shape.entries()) {
      needDim("embedding_grad", inputs, 1, dy.shape[i]!, d, `dimension ${i}`);
    }
    const [rows] = attrDims(attrs, "rows") as [Dim];
    return { dtype: dy.dtype, shape: [rows, dy.shape[dy.shape.length - 1]!] };
  },
  eval: ([ids, dy], _attrs, out) => {
    const table = zeros(sizesOf(out.shape));
    const n = table.shape[1]!;
    for (const [i, id] of ids!.data.entries()) {
      for (let c = 0; c < n; c++)
        table.data[id * n + c] = table.data[id * n + c]! + dy!.data[i * n + c]!;
    }
    return table;
  },
  vjp: (node, g) => [null, embedding(g, node.inputs[0]!)],
  host: {
    accumulates: true,
    run: (host) => {
      const [V, D] = sizesOf(host.node.type.shape) as [number, number];
      const n = elementCount(host.node.inputs[0]!.type.shape);
      host.emit(
        "embedding_grad",
        [host.dense(1), host.dense(0), host.output],
        [n, V, D, host.write],
      );
    },
  },
  flops: (inputs) => elementCount(inputs[1]!.shape),
  samples: [
    {
      inputs: [{ shape: "S:3", below: 5 }, "S:3,D:4"],
      attrs: { rows: [{ factors: [{ name: "V", size: 5 }], size: 5 }] },
    },
  ],
});

/** Rows of `table` [V, D] by `ids` […] → […, D]. Ids must be below V. */
export function embedding(table: Node, ids: Node): Node {
  return apply(embeddingOp, [table, ids]);
}

export function embeddingGrad(ids: Node, dy: Node, rows: Dim): Node {
  return apply(embeddingGradOp, [ids, dy], { rows: [rows] });
}
