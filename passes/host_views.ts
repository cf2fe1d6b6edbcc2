/** Views that the host lowering makes. */
import type { Node } from "../compiler/ir/node.ts";
import { opOf } from "../compiler/ops/define.ts";
import { denseStrides, type View } from "../compiler/ops/host.ts";

export function denseView(storage: number, shape: readonly number[]): View {
  return { storage, offset: 0, shape, strides: denseStrides(shape) };
}

export function elementsIn(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** A view read as a larger shape: stride 0 along repeated axes. */
export function broadcastTo(view: View, shape: readonly number[]): View {
  const lead = shape.length - view.shape.length;
  const strides = shape.map((_, i) =>
    i < lead || view.shape[i - lead] === 1 ? 0 : view.strides[i - lead]!,
  );
  return { ...view, shape, strides };
}

/**
 * The order in which a result is written: row-major, or, where its only reader is a transpose and the
 * kernel can, the order that makes the transposed value row-major.
 */
export function preferredStrides(
  node: Node,
  readers: readonly Node[],
  shape: readonly number[],
): readonly number[] {
  const [reader, ...others] = readers;
  const isFree = opOf(node).host?.stridedOutput === true && others.length === 0;
  if (!isFree || reader?.op.name !== "transpose") return denseStrides(shape);
  const perm = reader.attrs["perm"] as readonly number[];
  const last = shape.length - 1;
  // Kernels need the elements of a row together.
  if (perm[last] !== last) return denseStrides(shape);
  const moved = denseStrides(perm.map((axis) => shape[axis]!));
  const strides = new Array<number>(shape.length);
  for (const [i, axis] of perm.entries()) strides[axis] = moved[i]!;
  return strides;
}

/** The nodes of a family that share the operands and attributes of `node`, by position, among `readers`. */
export function siblingsOf(
  node: Node,
  names: readonly string[],
  readers: readonly Node[],
): (Node | undefined)[] {
  return names.map((name) =>
    name === node.op.name
      ? node
      : readers.find(
          (other) =>
            other.op.name === name &&
            other.inputs.length === node.inputs.length &&
            other.inputs.every((x, i) => x === node.inputs[i]) &&
            JSON.stringify(other.attrs) === JSON.stringify(node.attrs),
        ),
  );
}
