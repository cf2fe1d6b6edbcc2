/** A value repeated to a larger shape, trailing dimensions aligned. */
import { type Dim, sameDim, sizesOf } from "../ir/types.ts";
import {
  apply,
  attrDims,
  defineOp,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { unbroadcast } from "./elementwise.ts";
import { broadcastStrides, gatherStrided } from "./tensor.ts";

export const broadcastOp: OpDef = defineOp({
  name: "broadcast",
  doc: "a value repeated to a larger shape, trailing dimensions aligned",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("broadcast", inputs, 1);
    const x = inputs[0]!;
    const shape = attrDims(attrs, "shape");
    const lead = shape.length - x.shape.length;
    const fits = lead >= 0 && x.shape.every((d, i) => d.size === 1 || sameDim(d, shape[lead + i]!));
    if (!fits) shapeFail("broadcast", { kind: "broadcast", x, y: { dtype: x.dtype, shape } });
    return { dtype: x.dtype, shape };
  },
  eval: ([x], _attrs, out) => {
    const shape = sizesOf(out.shape);
    return gatherStrided(x!, shape, broadcastStrides(x!.shape, shape));
  },
  vjp: (node, dy) => [unbroadcast(dy, node.inputs[0]!.type)],
  host: {
    view: (node, input) => {
      const shape = sizesOf(node.type.shape);
      const lead = shape.length - input.shape.length;
      const strides = shape.map((_, i) =>
        i < lead || input.shape[i - lead] === 1 ? 0 : input.strides[i - lead]!,
      );
      return { ...input, shape, strides };
    },
  },
  mil: (m, [x]) => {
    const to = sizesOf(m.node.type.shape);
    const lead = to.length - x!.shape.length;
    const from = to.map((_, i) => (i < lead ? 1 : x!.shape[i - lead]!));
    const ranked = lead === 0 ? x! : m.call("reshape", { x: x!, shape: { ints: from } });
    return m.call("tile", { x: ranked, reps: { ints: to.map((d, i) => d / from[i]!) } });
  },
  samples: [
    {
      inputs: ["S:3,1"],
      attrs: {
        shape: [2, 3, 4].map((size) => ({ factors: [{ name: null, size }], size })),
      },
    },
  ],
});

/** `x` repeated to `shape`; `x` itself if it has it. */
export function broadcast(x: Node, shape: readonly Dim[]): Node {
  const isSame =
    x.type.shape.length === shape.length && x.type.shape.every((d, i) => d.size === shape[i]!.size);
  return isSame ? x : apply(broadcastOp, [x], { shape });
}
