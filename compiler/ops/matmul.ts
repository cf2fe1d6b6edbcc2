/**
 * Matrix product of the last two axes, batched over the ones before.
 *
 *     z[…, i, j] = Σ_k x[…, i, k] · y[…, k, j]
 *
 * `transpose_x` and `transpose_y` read an operand with its last two axes swapped.
 */
import {
  type Dim,
  elementCount,
  productDim,
  sameDim,
  sizesOf,
  type TensorType,
} from "../ir/types.ts";
import {
  type Attrs,
  apply,
  broadcastType,
  defineOp,
  floatOperand,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { unbroadcast } from "./elementwise.ts";
import { runMatmul } from "./matmul_host.ts";
import { reshape } from "./reshape.ts";
import { broadcastStrides, stridesOf, type Tensor, zeros } from "./tensor.ts";

export interface MatmulOptions {
  readonly transpose_x?: boolean;
  readonly transpose_y?: boolean;
}

function lastTwo(type: TensorType, swapped: boolean): readonly [Dim, Dim] {
  const rank = type.shape.length;
  const [a, b] = [type.shape[rank - 2]!, type.shape[rank - 1]!];
  return swapped ? [b, a] : [a, b];
}

function flags(attrs: Attrs): readonly [boolean, boolean] {
  return [attrs["transpose_x"] === true, attrs["transpose_y"] === true];
}

export const matmulOp: OpDef = defineOp({
  name: "matmul",
  doc: "matrix product of the last two axes, batched over the ones before",
  operands: ["x", "y"],
  shape: (inputs, attrs) => {
    needArity("matmul", inputs, 2);
    const x = floatOperand("matmul", inputs, 0, 2);
    const y = floatOperand("matmul", inputs, 1, 2);
    const [tx, ty] = flags(attrs);
    const [m, k] = lastTwo(x, tx);
    const [k2, n] = lastTwo(y, ty);
    if (!sameDim(k, k2)) shapeFail("matmul", { kind: "matmul", x, y });
    const batch = broadcastType(
      "matmul",
      { dtype: x.dtype, shape: x.shape.slice(0, -2) },
      { dtype: y.dtype, shape: y.shape.slice(0, -2) },
    );
    return { dtype: x.dtype, shape: [...batch.shape, m, n] };
  },
  eval: ([x, y], attrs, out) => multiply(x!, y!, flags(attrs), sizesOf(out.shape)),
  vjp: (node, dz) => {
    const [x, y] = [node.inputs[0]!, node.inputs[1]!];
    const [tx, ty] = flags(node.attrs);
    const dx = tx
      ? matmul(y, dz, { transpose_x: ty, transpose_y: true })
      : matmul(dz, y, { transpose_y: !ty });
    return [unbroadcast(dx, x.type), weightGradient(x, y, dz, tx, ty)];
  },
  host: { accumulates: true, run: (host) => runMatmul(host, ...flags(host.node.attrs)) },
  mil: (m, [x, y]) => {
    const [transpose_x, transpose_y] = flags(m.node.attrs);
    return m.call("matmul", { x: x!, y: y!, transpose_x, transpose_y });
  },
  flops: (inputs, out, attrs) =>
    2 * elementCount(out.shape) * lastTwo(inputs[0]!, attrs["transpose_x"] === true)[1].size,
  samples: [
    { inputs: ["S:3,D:4", "D:4,F:5"], attrs: {} },
    { inputs: ["D:4,S:3", "F:5,D:4"], attrs: { transpose_x: true, transpose_y: true } },
    { inputs: ["2,S:3,D:4", "2,F:5,D:4"], attrs: { transpose_y: true } },
    { inputs: ["2,S:3,D:4", "D:4,F:5"], attrs: {} },
    { inputs: ["2,D:4,S:3", "D:4,F:5"], attrs: { transpose_x: true } },
  ],
});

/** dy; where y has no batch of its own, the batch joins the summed axis of one product. */
function weightGradient(x: Node, y: Node, dz: Node, tx: boolean, ty: boolean): Node {
  if (y.type.shape.length === 2 && x.type.shape.length > 2 && !tx) {
    const flat = (v: Node) =>
      reshape(v, [productDim(v.type.shape.slice(0, -1)), v.type.shape[v.type.shape.length - 1]!]);
    return ty
      ? matmul(flat(dz), flat(x), { transpose_x: true })
      : matmul(flat(x), flat(dz), { transpose_x: true });
  }
  const dy = ty
    ? matmul(dz, x, { transpose_x: true, transpose_y: tx })
    : matmul(x, dz, { transpose_x: !tx });
  return unbroadcast(dy, y.type);
}

function multiply(
  x: Tensor,
  y: Tensor,
  [tx, ty]: readonly [boolean, boolean],
  shape: readonly number[],
): Tensor {
  const out = zeros(shape);
  const rank = shape.length;
  const [m, n] = [shape[rank - 2]!, shape[rank - 1]!];
  const k = x.shape[x.shape.length - (tx ? 2 : 1)]!;
  const batchShape = shape.slice(0, -2);
  const batches = batchShape.reduce((p, d) => p * d, 1);
  const index = stridesOf(batchShape);
  const bx = broadcastStrides(x.shape.slice(0, -2), batchShape);
  const by = broadcastStrides(y.shape.slice(0, -2), batchShape);
  for (let b = 0; b < batches; b++) {
    let [ox, oy] = [0, 0];
    for (const [a, step] of index.entries()) {
      const at = Math.floor(b / step) % batchShape[a]!;
      ox += at * bx[a]!;
      oy += at * by[a]!;
    }
    const [x0, y0] = [ox * m * k, oy * k * n];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let c = 0; c < k; c++) {
          sum +=
            x.data[x0 + (tx ? c * m + i : i * k + c)]! * y.data[y0 + (ty ? j * k + c : c * n + j)]!;
        }
        out.data[(b * m + i) * n + j] = sum;
      }
    }
  }
  return out;
}

export function matmul(x: Node, y: Node, options: MatmulOptions = {}): Node {
  const attrs: Record<string, boolean> = {};
  if (options.transpose_x === true) attrs["transpose_x"] = true;
  if (options.transpose_y === true) attrs["transpose_y"] = true;
  return apply(matmulOp, [x, y], attrs);
}
