/** The same elements in row-major order under another shape. */
import { type Dim, elementCount, isAnonymous, sizesOf } from "../ir/types.ts";
import {
  apply,
  attrDims,
  defineOp,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { reshapeView } from "./host.ts";

export const reshapeOp: OpDef = defineOp({
  name: "reshape",
  doc: "the same elements in row-major order under another shape",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("reshape", inputs, 1);
    const to = attrDims(attrs, "shape");
    const from = inputs[0]!.shape;
    if (elementCount(from) !== elementCount(to))
      shapeFail("reshape", { kind: "reshape", from, to });
    return { dtype: inputs[0]!.dtype, shape: to };
  },
  eval: ([x], _attrs, out) => ({ shape: sizesOf(out.shape), data: x!.data }),
  vjp: (node, dy) => [reshape(dy, node.inputs[0]!.type.shape)],
  host: {
    view: (node, input) => reshapeView(input, sizesOf(node.type.shape)),
    run: (host) => {
      const from = host.dense(0);
      const count = elementCount(host.node.type.shape);
      host.emit("copy", [from, host.output], [1, count, 1, 1, 0]);
    },
  },
  mil: (m, [x]) => m.call("reshape", { x: x!, shape: { ints: sizesOf(m.node.type.shape) } }),
  samples: [
    { inputs: ["S:3,D:4"], attrs: { shape: [{ factors: [{ name: null, size: 12 }], size: 12 }] } },
  ],
});

/** `x` under another shape of equally many elements; `x` itself if the shape is the same. */
export function reshape(x: Node, shape: readonly Dim[]): Node {
  const from = x.type.shape;
  const isSame =
    from.length === shape.length &&
    from.every(
      (d, i) =>
        d.size === shape[i]!.size &&
        d.factors.length === shape[i]!.factors.length &&
        (isAnonymous(shape[i]!)
          ? isAnonymous(d)
          : d.factors.every((f, j) => f.name === shape[i]!.factors[j]!.name)),
    );
  return isSame ? x : apply(reshapeOp, [x], { shape });
}
