/** Values side by side along one axis. */
import { dim, sizesOf } from "../ir/types.ts";
import { apply, axisOf, defineOp, type Node, needDim, type OpDef, shapeFail } from "./define.ts";
import { denseStrides } from "./host.ts";
import { slice } from "./slice.ts";
import { forEachOffset, stridesOf, zeros } from "./tensor.ts";

export const joinOp: OpDef = defineOp({
  name: "join",
  doc: "values side by side along `axis`",
  operands: ["x", "y"],
  shape: (inputs, attrs) => {
    const first = inputs[0];
    if (first === undefined) shapeFail("join", { kind: "arity", found: 0, expected: "at least 1" });
    const axis = axisOf("join", attrs, first.shape.length);
    let size = 0;
    for (const [i, type] of inputs.entries()) {
      if (type.shape.length !== first.shape.length) {
        shapeFail("join", {
          kind: "rank",
          operand: i,
          type,
          needs: `${first.shape.length} dimensions, like the first`,
        });
      }
      if (type.dtype !== first.dtype) {
        shapeFail("join", {
          kind: "dtype",
          operand: i,
          type,
          needs: `${first.dtype}, like the first`,
        });
      }
      for (const [a, d] of type.shape.entries()) {
        if (a !== axis) needDim("join", inputs, i, d, first.shape[a]!, `dimension ${a}`);
      }
      size += type.shape[axis]!.size;
    }
    return {
      dtype: first.dtype,
      shape: first.shape.map((d, i) => (i === axis ? dim(null, size) : d)),
    };
  },
  eval: (inputs, attrs, out) => {
    const result = zeros(sizesOf(out.shape));
    const axis = axisOf("join", attrs, out.shape.length);
    const strides = stridesOf(result.shape);
    let start = 0;
    for (const x of inputs) {
      const base = start * strides[axis]!;
      forEachOffset(x.shape, strides, (i, at) => {
        result.data[base + at] = x.data[i]!;
      });
      start += x.shape[axis]!;
    }
    return result;
  },
  vjp: (node, dy) => {
    const axis = axisOf("join", node.attrs, node.type.shape.length);
    let from = 0;
    return node.inputs.map((x) => {
      const to = from + x.type.shape[axis]!.size;
      const part = slice(dy, { axis, from, to });
      from = to;
      return part;
    });
  },
  host: {
    run: (host) => {
      const { node, output } = host;
      const axis = axisOf("join", node.attrs, node.type.shape.length);
      const strides = denseStrides(sizesOf(node.type.shape));
      let from = 0;
      for (const i of node.inputs.keys()) {
        const x = host.input(i);
        const target = { ...output, offset: output.offset + from * strides[axis]! };
        host.emit("copy", [x, target], [x.shape.length, ...x.shape, ...x.strides, ...strides, 0]);
        from += x.shape[axis]!;
      }
    },
  },
  mil: (m, inputs) =>
    m.call("concat", {
      values: inputs,
      axis: axisOf("join", m.node.attrs, m.node.type.shape.length),
      interleave: false,
    }),
  samples: [
    { inputs: ["S:3,D:4", "S:3,2"], attrs: { axis: 1 } },
    { inputs: ["S:3,D:4", "1,D:4", "2,D:4"], attrs: { axis: 0 } },
  ],
});

export function join(values: readonly Node[], { axis }: { readonly axis: number }): Node {
  return values.length === 1 ? values[0]! : apply(joinOp, values, { axis });
}
