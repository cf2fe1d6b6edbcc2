/** softmax over the last axis: e^(x − max) / Σ e^(x − max). */
import { elementCount } from "../ir/types.ts";
import { add } from "./add.ts";
import { apply, defineOp, floatOperand, type Node, needArity, type OpDef } from "./define.ts";
import { div } from "./div.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { reduceMax } from "./reduce_max.ts";
import { reduceSum } from "./reduce_sum.ts";
import { sub } from "./sub.ts";
import type { Tensor } from "./tensor.ts";

function rows(x: Tensor): { count: number; n: number } {
  const n = x.shape[x.shape.length - 1]!;
  return { count: x.data.length / n, n };
}

function hostShape(shape: readonly { readonly size: number }[]): [number, number] {
  const n = shape[shape.length - 1]!.size;
  return [shape.reduce((p, d) => p * d.size, 1) / n, n];
}

export const softmaxOp: OpDef = defineOp({
  name: "softmax",
  doc: "softmax over the last axis",
  operands: ["x"],
  shape: (inputs) => {
    needArity("softmax", inputs, 1);
    return floatOperand("softmax", inputs, 0, 1);
  },
  eval: ([x]) => {
    const data = new Float64Array(x!.data.length);
    const { count, n } = rows(x!);
    for (let r = 0; r < count; r++) {
      const row = x!.data.subarray(r * n, (r + 1) * n);
      const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      let sum = 0;
      for (let i = 0; i < n; i++) {
        data[r * n + i] = Math.exp(row[i]! - max);
        sum += data[r * n + i]!;
      }
      for (let i = 0; i < n; i++) data[r * n + i] = data[r * n + i]! / sum;
    }
    return { shape: x!.shape, data };
  },
  vjp: (node, dy) => [softmaxGrad(node, dy)],
  decompose: (node) => {
    const x = node.inputs[0]!;
    const e = exp(sub(x, reduceMax(x, { keep: true })));
    return div(e, reduceSum(e, { keep: true }));
  },
  host: {
    inPlace: 0,
    run: (host) =>
      host.emit("softmax", [host.dense(0), host.output], hostShape(host.node.type.shape)),
  },
  mil: (m, [x]) => m.call("softmax", { x: x!, axis: -1 }),
  milSwapped: (m, [x]) => m.call("softmax", { x: x!, axis: -2 }),
  flops: (_inputs, out) => 6 * elementCount(out.shape),
  samples: [{ inputs: ["S:3,D:4"] }, { inputs: ["2,S:3,D:4"] }],
});

/** dx of softmax, from its result y: y · (dy − Σ y·dy). */
export const softmaxGradOp: OpDef = defineOp({
  name: "softmax_grad",
  doc: "gradient of softmax from its result: y · (dy − Σ y·dy)",
  operands: ["y", "dy"],
  shape: (inputs) => {
    needArity("softmax_grad", inputs, 2);
    floatOperand("softmax_grad", inputs, 1, 1);
    return floatOperand("softmax_grad", inputs, 0, 1);
  },
  eval: ([y, dy]) => {
    const data = new Float64Array(y!.data.length);
    const { count, n } = rows(y!);
    for (let r = 0; r < count; r++) {
      let dot = 0;
      for (let i = r * n; i < (r + 1) * n; i++) dot += y!.data[i]! * dy!.data[i]!;
      for (let i = r * n; i < (r + 1) * n; i++) data[i] = y!.data[i]! * (dy!.data[i]! - dot);
    }
    return { shape: y!.shape, data };
  },
  vjp: (node, g) => {
    // z = y·(d − t), t = Σ y·d: both operands enter the sum.
    const [y, d] = [node.inputs[0]!, node.inputs[1]!];
    const t = reduceSum(mul(y, d), { keep: true });
    const gy = reduceSum(mul(g, y), { keep: true });
    return [sub(mul(g, sub(d, t)), mul(d, gy)), sub(mul(g, y), mul(y, gy))];
  },
  decompose: (node) => {
    const [y, dy] = [node.inputs[0]!, node.inputs[1]!];
    return mul(y, sub(dy, reduceSum(mul(y, dy), { keep: true })));
  },
  host: {
    run: (host) =>
      host.emit(
        "softmax_grad",
        [host.dense(0), host.dense(1), host.output],
        hostShape(host.node.type.shape),
      ),
  },
  flops: (_inputs, out) => 4 * elementCount(out.shape),
  samples: [{ inputs: ["S:3,D:4", "S:3,D:4"] }],
});

export function softmax(x: Node): Node {
  return apply(softmaxOp, [x]);
}

export function softmaxGrad(y: Node, dy: Node): Node {
  return apply(softmaxGradOp, [y, dy]);
}

/** log Σ e^x over the last axis, kept as a dimension of 1. */
export function logSumExp(x: Node, log: (x: Node) => Node): Node {
  const max = reduceMax(x, { keep: true });
  return add(log(reduceSum(exp(sub(x, max)), { keep: true })), max);
}
