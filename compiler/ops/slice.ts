/** A range of one axis. */
import { dim, sizesOf } from "../ir/types.ts";
import {
  type Attrs,
  apply,
  attrNumber,
  axisOf,
  defineOp,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { pad } from "./pad.ts";
import { gatherStrided, stridesOf } from "./tensor.ts";

export interface SliceRange {
  /** Counted from the end when negative. */
  readonly axis: number;
  readonly from: number;
  /** First element that is not taken. */
  readonly to: number;
}

function rangeOf(attrs: Attrs, rank: number): SliceRange {
  return {
    axis: axisOf("slice", attrs, rank),
    from: attrNumber(attrs, "from"),
    to: attrNumber(attrs, "to"),
  };
}

export const sliceOp: OpDef = defineOp({
  name: "slice",
  doc: "elements `from` to `to` (exclusive) along `axis`",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("slice", inputs, 1);
    const { dtype, shape } = inputs[0]!;
    const { axis, from, to } = rangeOf(attrs, shape.length);
    const size = shape[axis]!.size;
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= size)) {
      const needs = `a range inside 0..${size}`;
      shapeFail("slice", { kind: "attribute", name: "from, to", value: `${from}..${to}`, needs });
    }
    const isWhole = from === 0 && to === size;
    return {
      dtype,
      shape: shape.map((d, i) => (i === axis && !isWhole ? dim(null, to - from) : d)),
    };
  },
  eval: ([x], attrs, out) => {
    const { axis, from } = rangeOf(attrs, x!.shape.length);
    const strides = stridesOf(x!.shape);
    return gatherStrided(x!, sizesOf(out.shape), strides, from * strides[axis]!);
  },
  vjp: (node, dy) => {
    const x = node.inputs[0]!.type.shape;
    const { axis, from, to } = rangeOf(node.attrs, x.length);
    return [pad(dy, { axis, before: from, dim: x[axis]!, after: x[axis]!.size - to })];
  },
  host: {
    view: (node, input) => {
      const { axis, from } = rangeOf(node.attrs, input.shape.length);
      return {
        ...input,
        offset: input.offset + from * input.strides[axis]!,
        shape: sizesOf(node.type.shape),
      };
    },
  },
  mil: (m, [x]) => {
    const { axis, from } = rangeOf(m.node.attrs, x!.shape.length);
    const begin = x!.shape.map((_, i) => (i === axis ? from : 0));
    return m.call("slice_by_size", {
      x: x!,
      begin: { ints: begin },
      size: { ints: sizesOf(m.node.type.shape) },
    });
  },
  samples: [
    { inputs: ["S:3,D:4"], attrs: { axis: 1, from: 1, to: 3 } },
    { inputs: ["S:3,D:4"], attrs: { axis: -2, from: 0, to: 1 } },
  ],
});

export function slice(x: Node, range: SliceRange): Node {
  const { from, to } = range;
  const axis = range.axis < 0 ? range.axis + x.type.shape.length : range.axis;
  if (from === 0 && to === x.type.shape[axis]?.size) return x;
  return apply(sliceOp, [x], { axis, from, to });
}
