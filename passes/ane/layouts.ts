/**
 * How each value lies on a surface [1, C, 1, W].
 *
 * `channels`: the last axis becomes channels and the one before it columns, as the engine likes its
 * activations: [S, D] lies as D rows of S. `rows`: as it is, the last axis along the columns: scores
 * [H, S, T] lie as H·S rows of T.
 *
 * A product decides: its last axis is a channel axis if it comes from channels or from a weight; where
 * two activations meet over their channels (q·kᵀ) none is left.
 */
import { type Graph, isInput, isParam, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { sizesOf, type TensorType } from "../../compiler/ir/types.ts";

export type Layout = "channels" | "rows";

/** Layouts of all values of a graph but those that depend on parameters and constants alone. */
export function layoutsOf(graph: Graph, isWeight: (node: Node) => boolean): Map<Node, Layout> {
  const layouts = new Map<Node, Layout>();
  for (const node of nodesOf(graph)) {
    if (isWeight(node) || isParam(node)) continue;
    layouts.set(node, isInput(node) ? "channels" : layoutOf(node, layouts, isWeight));
  }
  for (const node of graph.inputs) layouts.set(node, "channels");
  return layouts;
}

/** The layout of a result from those of its operands; operands without one are weights or constants. */
export function layoutOf(
  node: Node,
  known: ReadonlyMap<Node, Layout>,
  isWeight: (node: Node) => boolean,
): Layout {
  if (node.op.name !== "matmul") {
    const rank = node.type.shape.length;
    const whole = node.inputs.filter(
      (x) => known.has(x) && x.type.shape.length >= Math.min(2, rank),
    );
    if (whole.length === 0) return "channels";
    return whole.some((x) => known.get(x) === "channels") ? "channels" : "rows";
  }
  const y = node.inputs[1]!;
  if (isWeight(y) || isWeight(node.inputs[0]!)) return "channels";
  const isLastAxis = node.attrs["transpose_y"] !== true;
  return (known.get(y) ?? "channels") === "channels" && isLastAxis ? "channels" : "rows";
}

/** Rows of a surface that a value takes, and columns. */
export interface Extent {
  readonly channels: number;
  readonly columns: number;
}

export function extentOf(type: TensorType, layout: Layout): Extent {
  const sizes = sizesOf(type.shape);
  const [rows, last] = [sizes.at(-2) ?? 1, sizes.at(-1) ?? 1];
  const lead = sizes.slice(0, -2).reduce((a, b) => a * b, 1);
  return layout === "channels"
    ? { channels: lead * last, columns: rows }
    : { channels: lead * rows, columns: last };
}

/** The shape as it is stored: with the last two axes swapped in the layout `channels`. */
export function storedShape(sizes: readonly number[], layout: Layout): number[] {
  if (layout === "rows") return [...sizes];
  if (sizes.length < 2) return [...sizes, ...Array<number>(2 - sizes.length).fill(1)];
  return [...sizes.slice(0, -2), sizes.at(-1)!, sizes.at(-2)!];
}
