/**
 * What lies where on the surfaces of a program.
 *
 * A surface is [1, C, 1, W] in fp16. Values lie on it in blocks of rows and columns: side by side in the
 * columns where a program has weights (rows = channels), one below the other where it has none.
 * Rows are multiples of 64 bytes.
 */
import type { Block, Place } from "../../compiler/bundle/manifest.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import type { Call } from "./cut.ts";
import { extentOf, type Layout } from "./layouts.ts";

/** fp16 elements of 64 bytes. */
const ROW_UNIT = 32;
/** Longest last axis that every chip takes (fact `tensor_extents`). */
export const WIDEST = 16_384;

export interface Placed {
  readonly node: Node;
  readonly place: Place;
}

export interface PortPlan {
  readonly shape: readonly [1, number, 1, number];
  readonly values: readonly Placed[];
}

export type Weights = "packed" | "params" | "baked";

/** A port before its columns are rounded up. */
interface Draft {
  readonly rows: number;
  width: number;
  readonly values: Placed[];
}

export function roundedWidth(width: number): number {
  return Math.ceil(width / ROW_UNIT) * ROW_UNIT;
}

function finished({ rows, width, values }: Draft): PortPlan {
  return { shape: [1, rows, 1, roundedWidth(width)], values };
}

function placeOf(node: Node, layout: Layout, blocks: readonly Block[]): Place {
  return { layout, sizes: sizesOf(node.type.shape), blocks };
}

/** Values one below the other; those of another width go to a port of their own. */
export function stacked(
  nodes: readonly Node[],
  layouts: ReadonlyMap<Node, Layout>,
): readonly PortPlan[] {
  const drafts = new Map<number, { rows: number; values: Placed[] }>();
  for (const node of nodes) {
    const layout = layouts.get(node) ?? "channels";
    const { channels, columns } = extentOf(node.type, layout);
    const draft = drafts.get(columns) ?? { rows: 0, values: [] };
    drafts.set(columns, draft);
    const block = { row: draft.rows, column: 0, rows: channels, columns };
    draft.values.push({ node, place: placeOf(node, layout, [block]) });
    draft.rows += channels;
  }
  return [...drafts].map(([width, d]) => finished({ ...d, width }));
}

/** A weight [I, O] as rows of I; with `rows` given, the other way round where that fits. */
function weightPlace(node: Node, rows: number, column: number): Placed | undefined {
  const [first, last] = matrixSizes(node);
  const isTurned = first !== rows && (last === rows || (first > rows && last < rows));
  const [height, width] = isTurned ? [last, first] : [first, last];
  if (height > rows) return undefined;
  const block = { row: 0, column, rows: height, columns: width };
  return { node, place: placeOf(node, isTurned ? "channels" : "rows", [block]) };
}

/** Sizes of a weight as a matrix; a vector is one column. */
function matrixSizes(node: Node): readonly [number, number] {
  const sizes = sizesOf(node.type.shape);
  if (sizes.length <= 1) return [sizes[0] ?? 1, 1];
  const last = sizes.at(-1)!;
  return [sizes.slice(0, -1).reduce((a, b) => a * b, 1), last];
}

/** Weights side by side on a surface of `rows` rows; those that do not fit get surfaces of their own. */
function addWeights(nodes: readonly Node[], draft: Draft, own: PortPlan[]): void {
  for (const node of nodes) {
    const placed = weightPlace(node, draft.rows, draft.width);
    if (placed === undefined) {
      own.push(weightPort(node));
      continue;
    }
    draft.values.push(placed);
    draft.width += placed.place.blocks[0]!.columns;
  }
}

/** A weight as a port of its own, as it is. */
export function weightPort(node: Node): PortPlan {
  const [rows, columns] = matrixSizes(node);
  const block = { row: 0, column: 0, rows, columns };
  const values = [{ node, place: placeOf(node, "rows", [block]) }];
  return finished({ rows, width: columns, values });
}

/** The row count that most weights have on one side. */
function commonRows(weights: readonly Node[]): number {
  const counts = new Map<number, number>();
  for (const node of weights)
    for (const size of new Set(matrixSizes(node))) counts.set(size, (counts.get(size) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

/** All weights of a layer on one surface, for the programs of the layer to share. */
export function sharedWeights(weights: readonly Node[]): readonly PortPlan[] {
  if (weights.length === 0) return [];
  const draft: Draft = { rows: commonRows(weights), width: 0, values: [] };
  const own: PortPlan[] = [];
  addWeights(weights, draft, own);
  return draft.values.length === 0 ? own : [finished(draft), ...own];
}

/**
 * Activations and weights of a program side by side: as many rows as the largest activation has channels.
 * (Blocks of fewer rows would be joined from slices of columns, which M1 and M2 get wrong.)
 */
export function packed(
  { inputs, weights }: Pick<Call, "inputs" | "weights">,
  layouts: ReadonlyMap<Node, Layout>,
): readonly PortPlan[] {
  const extents = inputs.map((n) => extentOf(n.type, layouts.get(n) ?? "channels"));
  const rows = Math.max(...extents.map((e) => e.channels));
  const draft: Draft = { rows, width: 0, values: [] };
  for (const [i, node] of inputs.entries()) {
    const { channels, columns } = extents[i]!;
    const block = { row: 0, column: draft.width, rows: channels, columns };
    draft.width += columns;
    const layout = layouts.get(node) ?? "channels";
    draft.values.push({ node, place: placeOf(node, layout, [block]) });
  }
  const own: PortPlan[] = [];
  addWeights(weights, draft, own);
  return [finished(draft), ...own];
}
