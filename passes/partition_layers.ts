/**
 * Cuts a forward graph into programs: one for each repeated layer, one for what follows, and the
 * host's share (embedding rows, integers) before them.
 *
 * A node belongs to the call that made it: everything under `block.3` is one program. Programs whose
 * text comes out equal are compiled once and called with other weights.
 */
import { type Graph, isInput, isParam, leafName, nodesOf } from "../compiler/ir/graph.ts";
import { type Node, originOf } from "../compiler/ir/node.ts";
import { opOf } from "../compiler/ops/define.ts";
import { constantNodes } from "../compiler/reference/interpret.ts";

export interface Part {
  /** `block.3`, `head`, `host`, or the graph's name when there are no repeated layers. */
  readonly key: string;
  readonly runsOn: "ane" | "host";
  /** In execution order. */
  readonly nodes: readonly Node[];
  /** Values made elsewhere that it reads: inputs of the graph and results of other parts. */
  readonly inputs: readonly Node[];
  readonly params: readonly Node[];
  /** Its values that others read, or that the graph returns. */
  readonly outputs: readonly Node[];
}

/** `block.3` of `block.3.attn`, `f.1.0` of a nested repeat; undefined outside of a repeated call. */
export function layerOf(path: string): string | undefined {
  return /^.*?(\.\d+)+(?=\.|$)/.exec(path)?.[0];
}

export function partitionLayers(graph: Graph): Part[] {
  const nodes = nodesOf(graph).filter((n) => !isInput(n) && !isParam(n));
  const constants = constantNodes(graph);
  const hasLayers = nodes.some((n) => layerOf(originOf(n).path ?? "") !== undefined);
  const keyOf = new Map<Node, string>();
  for (const node of nodes) {
    if (constants.has(node)) continue;
    const onHost = opOf(node).mil === undefined;
    const layer = layerOf(originOf(node).path ?? "");
    keyOf.set(node, onHost ? "host" : (layer ?? (hasLayers ? "head" : graph.name)));
  }
  return assignParts(graph, nodes, keyOf)
    .filter(([, members]) => members.length > 0)
    .map(([key, members]) => describe(graph, key, members, constants));
}

/**
 * Members by part, in execution order. Each node goes to the first part of its key that is not before
 * any part it reads; where there is none (host work in the middle of a layer, say) the layer gets a
 * second part. So parts run in this order whatever the graph.
 */
function assignParts(
  graph: Graph,
  nodes: readonly Node[],
  keyOf: ReadonlyMap<Node, string>,
): [string, Node[]][] {
  const fromInput = new Set<Node>(graph.inputs);
  for (const node of nodes) if (node.inputs.some((x) => fromInput.has(x))) fromInput.add(node);
  const parts: { readonly key: string; readonly members: Node[] }[] = [];
  const open = (key: string) => parts.push({ key, members: [] }) - 1;
  for (const node of nodes) {
    const key = keyOf.get(node);
    if (key !== undefined && fromInput.has(node) && !parts.some((p) => p.key === key)) open(key);
  }
  const partOf = new Map<Node, number>();
  for (const node of nodes) {
    const key = keyOf.get(node);
    if (key === undefined) continue;
    const earliest = Math.max(0, ...node.inputs.map((x) => partOf.get(x) ?? 0));
    const found = parts.findIndex((p, i) => i >= earliest && p.key === key);
    const index = found < 0 ? open(key) : found;
    parts[index]!.members.push(node);
    partOf.set(node, index);
  }
  const seen = new Map<string, number>();
  return parts.map(({ key, members }) => {
    const times = (seen.get(key) ?? 0) + 1;
    seen.set(key, times);
    return [times === 1 ? key : `${key}~${times}`, members];
  });
}

function describe(
  graph: Graph,
  key: string,
  members: readonly Node[],
  constants: ReadonlySet<Node>,
): Part {
  const own = new Set(members);
  const inputs: Node[] = [];
  const params: Node[] = [];
  for (const node of members) {
    for (const x of node.inputs) {
      if (own.has(x) || constants.has(x)) continue;
      const list = isParam(x) ? params : inputs;
      if (!list.includes(x)) list.push(x);
    }
  }
  const readElsewhere = new Set<Node>(graph.outputs.map((o) => o.node));
  for (const node of nodesOf(graph)) {
    if (own.has(node)) continue;
    for (const x of node.inputs) readElsewhere.add(x);
  }
  params.sort((a, b) => graph.params.indexOf(a) - graph.params.indexOf(b));
  return {
    key,
    runsOn: key === "host" || key.startsWith("host~") ? "host" : "ane",
    nodes: members,
    inputs,
    params,
    outputs: members.filter((n) => readElsewhere.has(n)),
  };
}

/** The path of a parameter inside its layer: `attn.wq` of `block.3.attn.wq`. */
export function localName(part: Part, param: Node): string {
  const path = leafName(param);
  const prefix = `${part.key.replace(/~\d+$/, "")}.`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}
