/**
 * The order of operands and results where they pass through the host: that of the published kernels.
 *
 * What was kept from the forward pass comes first, in the order in which it was made; gradients after it, in
 * the order of the values they belong to, which is the reverse of the order in which they are made:
 *
 *     q · k · v · dA,    dQ · dK · dV · Wq · Wk · Wv
 *
 * Scores, which are copied from surface to surface, stand before other operands and behind other results.
 */
import { type Graph, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Layout } from "./layouts.ts";
import type { Roles } from "./roles.ts";

export interface OperandOrder {
  /** Of a program that computes these nodes. */
  inputs(list: readonly Node[], nodes: readonly Node[]): readonly Node[];
  weights(list: readonly Node[], nodes: readonly Node[]): readonly Node[];
  outputs(list: readonly Node[], nodes: readonly Node[]): readonly Node[];
}

export function publishedOrder(
  graph: Graph,
  { forward, weights, roleOf }: Roles,
  layouts: ReadonlyMap<Node, Layout>,
): OperandOrder {
  const places = new Map<Node, number>();
  const firstUse = new Map<Node, number>();
  for (const [i, node] of nodesOf(graph).entries()) {
    if (!forward.has(node)) continue;
    places.set(node, i);
    for (const x of node.inputs) if (weights.has(x) && !firstUse.has(x)) firstUse.set(x, i);
  }
  /** Where the forward pass made a value, or what it repeats; undefined for gradients. */
  const keptAt = (node: Node): number | undefined =>
    places.get(node) ?? (roleOf.get(node) === "d_repeat" ? keptAt(node.inputs[0]!) : undefined);
  const isScores = (node: Node): boolean => layouts.get(node) === "rows";
  const isGradient = (nodes: readonly Node[]): boolean => nodes.every((n) => !forward.has(n));
  const backwards = (list: readonly Node[]): readonly Node[] => {
    const kept = list.filter((x) => keptAt(x) !== undefined);
    const gradients = list.filter((x) => keptAt(x) === undefined);
    return [...kept.sort((a, b) => keptAt(a)! - keptAt(b)!), ...gradients.reverse()];
  };
  return {
    inputs: (list, nodes) => {
      if (!isGradient(nodes)) return list;
      return [...list.filter(isScores), ...backwards(list.filter((x) => !isScores(x)))];
    },
    weights: (list) => {
      const use = (x: Node): number => firstUse.get(x) ?? Number.POSITIVE_INFINITY;
      return [...list].sort((a, b) => (use(a) < use(b) ? -1 : use(a) > use(b) ? 1 : 0));
    },
    outputs: (list, nodes) => {
      const isUsedInside = new Set(nodes.flatMap((n) => n.inputs));
      const rank = (x: Node): number => {
        if (isScores(x)) return 3;
        if (!isUsedInside.has(x)) return 0;
        return roleOf.get(x) === "attention" ? 1 : 2;
      };
      const scores = list.filter(isScores);
      const others = list.filter((x) => !isScores(x));
      const ordered = [...(isGradient(nodes) ? backwards(others) : others), ...scores];
      return ordered.sort((a, b) => rank(a) - rank(b));
    },
  };
}
