/**
 * Root-mean-square normalisation of the last axis, with a weight per element.
 *
 *     r = (mean(x²) + eps)^(−1/2),   y = w · x · r
 *     dx = r · (w·dy − x·t),         t = (r²/n) · Σ w·dy·x
 *     dw = Σ_rows dy·x·r
 *
 * Only dy is weighted in dx, never the whole bracket.
 */
import { elementCount, type TensorType } from "../ir/types.ts";
import { add } from "./add.ts";
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
} from "./define.ts";
import { mul } from "./mul.ts";
import { reduceMean } from "./reduce_mean.ts";
import { reduceSum } from "./reduce_sum.ts";
import { rsqrt } from "./rsqrt.ts";
import { square } from "./square.ts";
import { sub } from "./sub.ts";
import { type Tensor, zeros } from "./tensor.ts";

function shapeOf(
  name: string,
  inputs: readonly TensorType[],
  w: number | null,
  like: number | null,
): TensorType {
  const x = floatOperand(name, inputs, 0, 1);
  const last = x.shape[x.shape.length - 1]!;
  if (w !== null) {
    const weight = floatOperand(name, inputs, w, 1);
    needDim(
      name,
      inputs,
      w,
      weight.shape[weight.shape.length - 1]!,
      last,
      "the weight's dimension",
    );
  }
  if (like !== null) floatOperand(name, inputs, like, 1);
  return x;
}

/** r of each row, in float64. */
function inverseRms(x: Tensor, attrs: Attrs): { r: Float64Array; n: number } {
  const n = x.shape[x.shape.length - 1]!;
  const r = new Float64Array(x.data.length / n);
  for (let row = 0; row < r.length; row++) {
    let sum = 0;
    for (let i = row * n; i < (row + 1) * n; i++) sum += x.data[i]! * x.data[i]!;
    r[row] = 1 / Math.sqrt(sum / n + attrNumber(attrs, "eps"));
  }
  return { r, n };
}

function rowsAndSize(node: Node): [number, number] {
  const shape = node.inputs[0]!.type.shape;
  const n = shape[shape.length - 1]!.size;
  return [elementCount(shape) / n, n];
}

const r_ = (x: Node, attrs: Attrs) =>
  rsqrt(add(reduceMean(square(x), { keep: true }), attrNumber(attrs, "eps")));

const SAMPLES = (inputs: readonly string[]) => [
  { inputs, attrs: { eps: 1e-5 } },
  { inputs: inputs.map((s) => (s === "D:4" ? s : `2,${s}`)), attrs: { eps: 0.1 } },
];

export const rmsNormOp: OpDef = defineOp({
  name: "rms_norm",
  doc: "w · x / √(mean(x²) + eps) over the last axis",
  operands: ["x", "w"],
  shape: (inputs) => {
    needArity("rms_norm", inputs, 2);
    return shapeOf("rms_norm", inputs, 1, null);
  },
  eval: ([x, w], attrs) => {
    const { r, n } = inverseRms(x!, attrs);
    return {
      shape: x!.shape,
      data: x!.data.map((v, i) => v * r[Math.floor(i / n)]! * w!.data[i % n]!),
    };
  },
  vjp: (node, dy) => {
    const [x, w] = [node.inputs[0]!, node.inputs[1]!];
    return [rmsNormGradX(x, w, dy, node.attrs), rmsNormGradW(x, dy, node.attrs)];
  },
  decompose: (node) => mul(mul(node.inputs[0]!, r_(node.inputs[0]!, node.attrs)), node.inputs[1]!),
  host: {
    run: (host) =>
      host.emit("rms_norm", [host.dense(0), host.dense(1), host.output], rowsAndSize(host.node), [
        attrNumber(host.node.attrs, "eps"),
      ]),
  },
  flops: (_inputs, out) => 4 * elementCount(out.shape),
  samples: SAMPLES(["S:3,D:4", "D:4"]),
});

export const rmsNormGradXOp: OpDef = defineOp({
  name: "rms_norm_grad_x",
  doc: "gradient of rms_norm for x",
  operands: ["x", "w", "dy"],
  shape: (inputs) => {
    needArity("rms_norm_grad_x", inputs, 3);
    return shapeOf("rms_norm_grad_x", inputs, 1, 2);
  },
  eval: ([x, w, dy], attrs) => {
    const { r, n } = inverseRms(x!, attrs);
    const dx = zeros(x!.shape);
    for (let row = 0; row < r.length; row++) {
      let dot = 0;
      for (let i = 0; i < n; i++)
        dot += w!.data[i]! * dy!.data[row * n + i]! * x!.data[row * n + i]!;
      const t = (dot * r[row]! * r[row]!) / n;
      for (let i = 0; i < n; i++) {
        const at = row * n + i;
        dx.data[at] = r[row]! * (w!.data[i]! * dy!.data[at]! - x!.data[at]! * t);
      }
    }
    return dx;
  },
  decompose: (node) => {
    const [x, w, dy] = [node.inputs[0]!, node.inputs[1]!, node.inputs[2]!];
    const r = r_(x, node.attrs);
    const weighted = mul(w, dy);
    const t = mul(square(r), reduceMean(mul(weighted, x), { keep: true }));
    return mul(r, sub(weighted, mul(x, t)));
  },
  host: {
    accumulates: true,
    run: (host) =>
      host.emit(
        "rms_norm_grad_x",
        [host.dense(0), host.dense(1), host.dense(2), host.output],
        [...rowsAndSize(host.node), host.write],
        [attrNumber(host.node.attrs, "eps")],
      ),
  },
  flops: (_inputs, out) => 10 * elementCount(out.shape),
  samples: SAMPLES(["S:3,D:4", "D:4", "S:3,D:4"]),
});

export const rmsNormGradWOp: OpDef = defineOp({
  name: "rms_norm_grad_w",
  doc: "gradient of rms_norm for its weight",
  operands: ["x", "dy"],
  shape: (inputs) => {
    needArity("rms_norm_grad_w", inputs, 2);
    const x = shapeOf("rms_norm_grad_w", inputs, null, 1);
    return { dtype: x.dtype, shape: x.shape.slice(-1) };
  },
  eval: ([x, dy], attrs) => {
    const { r, n } = inverseRms(x!, attrs);
    const dw = zeros([n]);
    for (let i = 0; i < x!.data.length; i++) {
      dw.data[i % n] = dw.data[i % n]! + dy!.data[i]! * x!.data[i]! * r[Math.floor(i / n)]!;
    }
    return dw;
  },
  decompose: (node) => {
    const [x, dy] = [node.inputs[0]!, node.inputs[1]!];
    const lead = x.type.shape.slice(0, -1).map((_, i) => i);
    const product = mul(dy, mul(x, r_(x, node.attrs)));
    return lead.length === 0 ? product : reduceSum(product, { axes: lead });
  },
  host: {
    accumulates: true,
    run: (host) =>
      host.emit(
        "rms_norm_grad_w",
        [host.dense(0), host.dense(1), host.output],
        [...rowsAndSize(host.node), host.write],
        [attrNumber(host.node.attrs, "eps")],
      ),
  },
  flops: (inputs) => 5 * elementCount(inputs[0]!.shape),
  samples: SAMPLES(["S:3,D:4", "S:3,D:4"]),
});

/** Normalises the last axis of `x`; `w` has that dimension. */
export function rmsNorm(x: Node, w: Node, { eps }: { readonly eps: number }): Node {
  return apply(rmsNormOp, [x, w], { eps });
}

function rmsNormGradX(x: Node, w: Node, dy: Node, attrs: Attrs): Node {
  return apply(rmsNormGradXOp, [x, w, dy], attrs);
}

function rmsNormGradW(x: Node, dy: Node, attrs: Attrs): Node {
  return apply(rmsNormGradWOp, [x, dy], attrs);
}
