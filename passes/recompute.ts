/**
 * Computes cheap values a second time for the gradients instead of keeping them.
 *
 *     s = silu(g)                          s = silu(g)
 *     y = s · u                            y = s · u
 *     z = y @ w                       ⇒    z = y @ w
 *     …                                    …
 *     dw = yᵀ @ dz                         s′ = silu(g) {again: true},  y′ = s′ · u {again: true}
 *                                          dw = y′ᵀ @ dz
 *
 * A value is made again only from what is there anyway: parameters, inputs, values that gradients read
 * and that are kept, or others that are made again. So memory only falls, and results do not change by
 * a bit. `again` is an attribute that no op reads: it makes the second value another node.
 */
import {
  constantValue,
  type Graph,
  isInput,
  isParam,
  nodesOf,
  topological,
} from "../compiler/ir/graph.ts";
import { makeNode, type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { opOf } from "../compiler/ops/define.ts";
import { definePass, type Pass } from "./pass.ts";

const AGAIN = "again";

/** Ops beside the elementwise ones that cost little for what they save. */
const CHEAP: ReadonlySet<string> = new Set(["embedding", "rms_norm"]);

/** Whether a value is made a second time, as late as possible. */
export function isAgain(node: Node): boolean {
  return node.attrs[AGAIN] === true;
}

function isCheap(node: Node): boolean {
  return opOf(node).opcode !== undefined || CHEAP.has(node.op.name);
}

/** Values of the loss that gradients read and that can be made again, with those that are only on the way to them. */
function repeatable(graph: Graph): ReadonlySet<Node> {
  const forward = new Set(topological([graph.outputs[0]!.node]));
  const kept = new Set<Node>(graph.outputs.map((o) => o.node));
  for (const node of nodesOf(graph)) {
    if (forward.has(node)) continue;
    for (const x of node.inputs) if (forward.has(x)) kept.add(x);
  }
  const found = new Set<Node>();
  /** Elementwise values that nothing keeps: one loop with what reads them. */
  const onTheWay = new Set<Node>();
  const isThere = (x: Node): boolean =>
    isParam(x) || isInput(x) || constantValue(x) !== undefined || kept.has(x) || found.has(x);
  for (const node of forward) {
    if (node.inputs.length === 0 || !isCheap(node) || isAgain(node)) continue;
    if (!node.inputs.every((x) => isThere(x) || onTheWay.has(x))) continue;
    if (kept.has(node)) found.add(node);
    else if (!CHEAP.has(node.op.name)) onTheWay.add(node);
  }
  for (const { node } of graph.outputs) found.delete(node);
  for (const node of found) for (const x of node.inputs) if (onTheWay.has(x)) found.add(x);
  return found;
}

function repeatCheap(graph: Graph, matched: (what: Node) => void): Graph {
  const repeated = repeatable(graph);
  if (repeated.size === 0) return graph;
  const forward = new Set(topological([graph.outputs[0]!.node]));
  const made = new Map<Node, Node>();
  const again = (node: Node): Node => {
    const inputs = node.inputs.map((x) => (repeated.has(x) ? (made.get(x) ?? again(x)) : x));
    const copy = remade(node, inputs, { ...node.attrs, [AGAIN]: true });
    made.set(node, copy);
    matched(node);
    return copy;
  };
  for (const node of repeated) if (!made.has(node)) again(node);
  return gradientsReading(graph, forward, made);
}

/** The graph in which gradients, which are what is not in `forward`, read `made` values instead. */
export function gradientsReading(
  graph: Graph,
  forward: ReadonlySet<Node>,
  made: Map<Node, Node>,
): Graph {
  for (const node of nodesOf(graph)) {
    if (forward.has(node)) continue;
    const inputs = node.inputs.map((x) => made.get(x) ?? x);
    const isSame = inputs.every((x, i) => x === node.inputs[i]);
    if (!isSame) made.set(node, remade(node, inputs, node.attrs));
  }
  const outputs = graph.outputs.map(({ name, node }) => ({
    name,
    node: forward.has(node) ? node : (made.get(node) ?? node),
  }));
  return { ...graph, outputs };
}

function remade(node: Node, inputs: readonly Node[], attrs: Node["attrs"]): Node {
  return withOrigin(node.scope, originOf(node), () => makeNode(node.scope, node.op, inputs, attrs));
}

export const recompute: Pass = definePass({
  name: "recompute",
  doc: "computes cheap values again for the gradients instead of keeping them",
  requires: ["differentiated"],
  establishes: [],
  keeps: "all",
  run: (graph, { matched }) => repeatCheap(graph, matched),
});
