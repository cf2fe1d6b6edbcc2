/** Zeros before and after along one axis: the adjoint of `slice`. */
import { type Dim, elementCount, sizesOf } from "../ir/types.ts";
import {
  type Attrs,
  apply,
  attrDims,
  attrNumber,
  axisOf,
  defineOp,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { denseStrides } from "./host.ts";
import { slice } from "./slice.ts";
import { forEachOffset, stridesOf, zeros } from "./tensor.ts";

export interface PadRange {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  /** The dimension that results. */
  readonly dim: Dim;
}

function rangeOf(attrs: Attrs, rank: number): PadRange {
  return {
    axis: axisOf("pad", attrs, rank),
    before: attrNumber(attrs, "before"),
    after: attrNumber(attrs, "after"),
    dim: attrDims(attrs, "dim")[0]!,
  };
}

export const padOp: OpDef = defineOp({
  name: "pad",
  doc: "zeros before and after along `axis`",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("pad", inputs, 1);
    const { dtype, shape } = inputs[0]!;
    const { axis, before, after, dim } = rangeOf(attrs, shape.length);
    if (!(before >= 0 && after >= 0 && before + shape[axis]!.size + after === dim.size)) {
      const needs = `together with ${shape[axis]!.size} elements, ${dim.size}`;
      shapeFail("pad", {
        kind: "attribute",
        name: "before, after",
        value: `${before}, ${after}`,
        needs,
      });
    }
    return { dtype, shape: shape.map((d, i) => (i === axis ? dim : d)) };
  },
  eval: ([x], attrs, out) => {
    const { axis, before } = rangeOf(attrs, x!.shape.length);
    const result = zeros(sizesOf(out.shape));
    const strides = stridesOf(result.shape);
    forEachOffset(x!.shape, strides, (i, at) => {
      result.data[at + before * strides[axis]!] = x!.data[i]!;
    });
    return result;
  },
  vjp: (node, dy) => {
    const x = node.inputs[0]!.type.shape;
    const { axis, before } = rangeOf(node.attrs, x.length);
    const part = slice(dy, { axis, from: before, to: before + x[axis]!.size });
    return [part];
  },
  host: {
    run: (host) => {
      const { node, output } = host;
      const x = host.input(0);
      const { axis, before } = rangeOf(node.attrs, x.shape.length);
      const outStrides = denseStrides(sizesOf(node.type.shape));
      host.emit("fill", [output], [elementCount(node.type.shape)], [0]);
      const target = { ...output, offset: output.offset + before * outStrides[axis]! };
      host.emit("copy", [x, target], [x.shape.length, ...x.shape, ...x.strides, ...outStrides, 0]);
    },
  },
  mil: (m, [x]) => {
    const { axis, before, after } = rangeOf(m.node.attrs, x!.shape.length);
    const parts = [before, -1, after].flatMap((count) => {
      if (count < 0) return [x!];
      if (count === 0) return [];
      const shape = x!.shape.map((d, i) => (i === axis ? count : d));
      return [m.table(shape, new Float64Array(shape.reduce((n, d) => n * d, 1)), "zeros")];
    });
    return parts.length === 1 ? x! : m.call("concat", { values: parts, axis, interleave: false });
  },
  samples: [
    {
      inputs: ["S:3,D:4"],
      attrs: {
        axis: 1,
        before: 1,
        after: 2,
        dim: [{ factors: [{ name: "F", size: 7 }], size: 7 }],
      },
    },
  ],
});

export function pad(x: Node, { axis, before, after, dim }: PadRange): Node {
  return apply(padOp, [x], { axis, before, after, dim: [dim] });
}
