/**
 * Lets gradients compute an activation again instead of reading it from memory.
 *
 *     y = silu(g)                     y = silu(g)            one loop with the product that reads it:
 *     h = y · u                       h = y · u              it never reaches memory
 *     …                          ⇒    …
 *     du = dh · y                     y′ = g · sigmoid(g)    one loop with the other gradients that read
 *                                     du = dh · y′           g and dh
 *
 * Only where every reader of the activation is elementwise, and gradients read what it is made of anyway.
 */
import { type Graph, nodesOf, topological, usersOf } from "../compiler/ir/graph.ts";
import { type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { opOf } from "../compiler/ops/define.ts";
import { isElementwise } from "./elementwise_clusters.ts";
import { definePass, type Pass } from "./pass.ts";
import { gradientsReading } from "./recompute.ts";
import { LEAST_ROW } from "./row_groups.ts";

function run(graph: Graph, matched: (what: Node) => void): Graph {
  const nodes = nodesOf(graph);
  const users = usersOf(nodes);
  const readers = (node: Node): readonly Node[] => users.get(node) ?? [];
  const forward = new Set(topological([graph.outputs[0]!.node]));
  const outputs = new Set(graph.outputs.map((o) => o.node));
  const isReadByGradients = (node: Node) => readers(node).some((u) => !forward.has(u));
  const made = new Map<Node, Node>();
  for (const node of nodes) {
    const { decompose } = opOf(node);
    if (!forward.has(node) || outputs.has(node) || decompose === undefined) continue;
    if (!isElementwise(node) || !readers(node).every(isElementwise)) continue;
    // Shorter rows are no groups: what is made again would be stored, too.
    if ((sizesOf(node.type.shape).at(-1) ?? 0) < LEAST_ROW) continue;
    if (![node, ...node.inputs].every(isReadByGradients)) continue;
    made.set(
      node,
      withOrigin(node.scope, originOf(node), () => decompose(node)),
    );
    matched(node);
  }
  return made.size === 0 ? graph : gradientsReading(graph, forward, made);
}

export const repeatActivations: Pass = definePass({
  name: "repeat_activations",
  doc: "computes activations again for the gradients, where that is one loop with what reads them",
  requires: ["differentiated"],
  establishes: [],
  keeps: "all",
  run: (graph, { matched }) => run(graph, matched),
});
