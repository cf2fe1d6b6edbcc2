/** The axes in another order. */
import { sizesOf } from "../ir/types.ts";
import {
  type Attrs,
  apply,
  defineOp,
  type Node,
  needArity,
  type OpDef,
  shapeFail,
} from "./define.ts";
import { gatherStrided, stridesOf } from "./tensor.ts";

function permOf(attrs: Attrs): readonly number[] {
  return attrs["perm"] as readonly number[];
}

export const transposeOp: OpDef = defineOp({
  name: "transpose",
  doc: "the axes in the order `perm`",
  operands: ["x"],
  shape: (inputs, attrs) => {
    needArity("transpose", inputs, 1);
    const { dtype, shape } = inputs[0]!;
    const perm = permOf(attrs);
    if (
      perm.length !== shape.length ||
      [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)
    ) {
      const needs = `each of 0..${shape.length - 1} once`;
      shapeFail("transpose", {
        kind: "attribute",
        name: "perm",
        value: `[${perm.join(", ")}]`,
        needs,
      });
    }
    return { dtype, shape: perm.map((axis) => shape[axis]!) };
  },
  eval: ([x], attrs, out) => {
    const strides = stridesOf(x!.shape);
    return gatherStrided(
      x!,
      sizesOf(out.shape),
      permOf(attrs).map((axis) => strides[axis]!),
    );
  },
  vjp: (node, dy) => [transpose(dy, inverse(permOf(node.attrs)))],
  host: {
    view: (node, input) => {
      const perm = permOf(node.attrs);
      return {
        ...input,
        shape: perm.map((axis) => input.shape[axis]!),
        strides: perm.map((axis) => input.strides[axis]!),
      };
    },
  },
  mil: (m, [x]) => m.call("transpose", { x: x!, perm: { ints: permOf(m.node.attrs) } }),
  samples: [
    { inputs: ["S:3,D:4"], attrs: { perm: [1, 0] } },
    { inputs: ["2,S:3,D:4"], attrs: { perm: [2, 0, 1] } },
  ],
});

/** The permutation that undoes `perm`. */
export function inverse(perm: readonly number[]): number[] {
  const back = new Array<number>(perm.length);
  for (const [i, axis] of perm.entries()) back[axis] = i;
  return back;
}

/** The axes of `x` in the order `perm`; `x` itself if that is the order they have. */
export function transpose(x: Node, perm: readonly number[]): Node {
  return perm.every((axis, i) => axis === i) && perm.length === x.type.shape.length
    ? x
    : apply(transposeOp, [x], { perm });
}

/** The last two axes swapped: what `'` means in the language. */
export function swapLastTwo(x: Node): Node {
  const rank = x.type.shape.length;
  if (rank < 2) {
    shapeFail("transpose", {
      kind: "rank",
      operand: 0,
      type: x.type,
      needs: "at least 2 dimensions",
    });
  }
  const perm = Array.from({ length: rank }, (_, i) => i);
  perm[rank - 2] = rank - 1;
  perm[rank - 1] = rank - 2;
  return transpose(x, perm);
}
