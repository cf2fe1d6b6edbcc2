/** Each tile of the classifier (`passes/tile_classifier.ts`) is a program of its own. */
import { type Graph, isInput, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { tileOf } from "../tile_classifier.ts";
import type { Placement, Placements } from "./infer.ts";
import type { Roles } from "./roles.ts";

/**
 * A tile is what was made for it and what that needs, down to the product that makes the logits: nodes
 * that were there before the tile was made have no mark.
 */
export function placeTiles(graph: Graph, { weights, constants }: Roles): Placements {
  const placed = new Map<Node, Placement>();
  const nodes = nodesOf(graph);
  const starts = [...new Set(nodes.flatMap((n) => tileOf(n) ?? []))].sort((a, b) => a - b);
  for (const root of nodes) {
    const start = tileOf(root);
    if (start === undefined || weights.has(root) || constants.has(root)) continue;
    const stack = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (placed.has(node) || weights.has(node) || constants.has(node) || isInput(node)) continue;
      placed.set(node, { name: "classifier", label: `classifier.${starts.indexOf(start)}` });
      if (node.op.name !== "matmul") stack.push(...node.inputs);
    }
  }
  return placed;
}
