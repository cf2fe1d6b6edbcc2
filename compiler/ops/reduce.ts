/** Reductions over axes: what `reduce_sum.ts` and its like are made with. */
import { elementCount, sizesOf, type TensorType } from "../ir/types.ts";
import {
  type Attrs,
  apply,
  defineOp,
  floatOperand,
  type Node,
  needArity,
  ONE,
  type OpDef,
  shapeFail,
} from "./define.ts";
import type { HostEmitter, View } from "./host.ts";
import type { MilEmitter, MilValue } from "./mil.ts";
import { forEachOffset, stridesOf, type Tensor, zeros } from "./tensor.ts";

export interface ReduceOptions {
  /** Axes counted from the end when negative; default the last one. */
  readonly axes?: readonly number[];
  /** Keep the reduced axes as dimensions of 1. */
  readonly keep?: boolean;
}

export interface Reduction {
  (x: Node, options?: ReduceOptions): Node;
  readonly op: OpDef;
}

/** The reduced axes, counted from 0, ascending. */
export function reducedAxes(name: string, attrs: Attrs, rank: number): number[] {
  const given = attrs["axes"] as readonly number[];
  const axes = given.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
  const isValid = axes.length > 0 && axes.every((a, i) => a >= 0 && a < rank && a !== axes[i - 1]);
  if (!isValid) {
    const needs = `different axes between ${-rank} and ${rank - 1}`;
    shapeFail(name, { kind: "attribute", name: "axes", value: `[${given.join(", ")}]`, needs });
  }
  return axes;
}

export interface ReductionSpec {
  readonly doc: string;
  readonly initial: number;
  readonly step: (sum: number, x: number) => number;
  /** Applied to the result, with the number of elements reduced. */
  readonly finish: (sum: number, count: number) => number;
  readonly vjp: (x: Node, y: Node, dy: Node, count: number) => Node;
  readonly mil: string;
  /** Kind of the host kernel `reduce`. */
  readonly host: number;
}

export function reduction(name: string, spec: ReductionSpec): Reduction {
  const op = defineOp({
    name,
    doc: spec.doc,
    operands: ["x"],
    shape: (inputs, attrs) => {
      needArity(name, inputs, 1);
      const x = floatOperand(name, inputs, 0, 1);
      const axes = new Set(reducedAxes(name, attrs, x.shape.length));
      const kept = x.shape.map((d, i) => (axes.has(i) ? ONE : d));
      return {
        dtype: x.dtype,
        shape: attrs["keep"] === true ? kept : kept.filter((_, i) => !axes.has(i)),
      };
    },
    eval: ([x], attrs, out) =>
      evaluate(spec, x!, new Set(reducedAxes(name, attrs, x!.shape.length)), out),
    vjp: (node, dy) => {
      const x = node.inputs[0]!;
      const axes = new Set(reducedAxes(name, node.attrs, x.type.shape.length));
      const count = x.type.shape.reduce((n, d, i) => (axes.has(i) ? n * d.size : n), 1);
      return [spec.vjp(x, node, dy, count)];
    },
    host: {
      accumulates: true,
      run: (host) =>
        runOnHost(
          host,
          spec.host,
          reducedAxes(name, host.node.attrs, host.node.inputs[0]!.type.shape.length),
        ),
    },
    mil: (m, [x]) => callReduce(m, x!, reducedAxes(name, m.node.attrs, x!.shape.length)),
    milSwapped: (m, [x]) => {
      const rank = x!.shape.length;
      const axes = reducedAxes(name, m.node.attrs, rank);
      return callReduce(m, x!, axes.map((a) => (a < rank - 2 ? a : 2 * rank - 3 - a)).sort());
    },
    flops: (inputs) => elementCount(inputs[0]!.shape),
    samples: [
      { inputs: ["S:3,D:4"], attrs: { axes: [1], keep: false } },
      { inputs: ["S:3,D:4"], attrs: { axes: [0], keep: true } },
      { inputs: ["2,S:3,D:4"], attrs: { axes: [0, 2], keep: false } },
    ],
  });
  const callReduce = (m: MilEmitter, x: MilValue, axes: readonly number[]): MilValue =>
    m.call(spec.mil, { x, axes: { ints: axes }, keep_dims: m.node.attrs["keep"] === true });
  const make = (x: Node, { axes = [-1], keep = false }: ReduceOptions = {}): Node =>
    apply(op, [x], {
      axes: axes.map((a) => (a < 0 ? a + x.type.shape.length : a)).sort((a, b) => a - b),
      keep,
    });
  return Object.assign(make, { op });
}

function evaluate(
  spec: ReductionSpec,
  x: Tensor,
  axes: ReadonlySet<number>,
  out: TensorType,
): Tensor {
  const result = zeros(sizesOf(out.shape));
  result.data.fill(spec.initial);
  const keptShape = x.shape.map((d, i) => (axes.has(i) ? 1 : d));
  const strides = stridesOf(keptShape).map((s, i) => (axes.has(i) ? 0 : s));
  forEachOffset(x.shape, strides, (i, at) => {
    result.data[at] = spec.step(result.data[at]!, x.data[i]!);
  });
  const count = x.data.length / Math.max(1, result.data.length);
  for (const i of result.data.keys()) result.data[i] = spec.finish(result.data[i]!, count);
  return result;
}

/** One kernel call per run of neighbouring axes, from the last run to the first. */
function runOnHost(host: HostEmitter, kind: number, axes: readonly number[]): void {
  let from: View = host.dense(0);
  let shape = [...from.shape];
  const runs: [number, number][] = [];
  for (const axis of axes) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last[1] === axis) last[1] = axis + 1;
    else runs.push([axis, axis + 1]);
  }
  for (const [i, [start, end]] of [...runs.entries()].reverse()) {
    const product = (dims: readonly number[]) => dims.reduce((n, d) => n * d, 1);
    const [outer, n, inner] = [
      product(shape.slice(0, start)),
      product(shape.slice(start, end)),
      product(shape.slice(end)),
    ];
    const isLast = i === 0;
    const target = isLast ? host.output : host.scratch(outer * inner);
    host.emit("reduce", [from, target], [kind, outer, n, inner, isLast ? host.write : 0]);
    from = target;
    shape = [...shape.slice(0, start), ...shape.slice(end)];
  }
}

/** A gradient of a reduced value, with the reduced axes back as dimensions of 1. */
export function keptShape(x: Node, reduced: Node) {
  if (reduced.type.shape.length === x.type.shape.length) return reduced.type.shape;
  const axes = new Set(reduced.attrs["axes"] as readonly number[]);
  return x.type.shape.map((d, i) => (axes.has(i) ? ONE : d));
}
