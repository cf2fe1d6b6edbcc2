/**
 * What each node of a training or forward graph does inside its layer: the names that fusion schemes
 * group by.
 *
 * Roles are found from the graph, not from names in the source: a product with a parameter that leads
 * to attention is `q`, `k` or `v`; the first one behind attention is `o`; those of the feed-forward
 * part are `in` and, behind them, `out`. What stands between takes its role from the products it
 * depends on. Gradients mirror it: `d_out` is the product with the parameter of `out`, and so on.
 */
import { type Graph, isInput, isParam, nodesOf } from "../../compiler/ir/graph.ts";
import { type Node, originOf } from "../../compiler/ir/node.ts";
import { constantNodes } from "../../compiler/reference/interpret.ts";

export type Role =
  | "norm"
  | "q"
  | "k"
  | "v"
  | "heads"
  | "attention"
  | "o"
  | "between"
  | "in"
  | "activation"
  | "out"
  | "residual"
  | "d_residual"
  | "d_out"
  | "d_activation"
  | "d_in"
  | "d_between"
  | "d_o"
  | "d_context"
  | "d_repeat"
  | "d_values"
  | "d_scores"
  | "d_sum_v"
  | "d_sum_k"
  | "d_heads"
  | "d_q"
  | "d_kv"
  | "d_qkv"
  | "d_norm";

export interface Roles {
  /** Of nodes that a layer computes for its outputs or for the gradient of its inputs. */
  readonly roleOf: ReadonlyMap<Node, Role>;
  /** `block.3`; the graph's name for nodes outside of repeated calls. */
  readonly layerOf: ReadonlyMap<Node, string>;
  /** Nodes the first output depends on: not those of gradients. */
  readonly forward: ReadonlySet<Node>;
  /** Nodes that depend on parameters and constants alone, parameters included. */
  readonly weights: ReadonlySet<Node>;
  /** Nodes that depend on constants alone. */
  readonly constants: ReadonlySet<Node>;
}

/** Products of the layer that a node depends on. */
const BIT = { q: 1, k: 2, v: 4, attention: 8, o: 16, in: 32, out: 64 } as const;
type Anchor = keyof typeof BIT;

/** `block.3` of `block.3.attn`, `f.1.0` of a nested repeat; undefined outside of a repeated call. */
export function repeatedCall(path: string): string | undefined {
  return /^.*?(\.\d+)+(?=\.|$)/.exec(path)?.[0];
}

/** Roles by node. `hints` are roles that were given to nodes when they were made. */
export function findRoles(graph: Graph, hints: ReadonlyMap<Node, Role> = new Map()): Roles {
  const order = nodesOf(graph).filter((n) => !isInput(n));
  const constants = constantNodes(graph);
  const weights = new Set<Node>(graph.params);
  for (const node of order) {
    if (node.inputs.length === 0 || constants.has(node)) continue;
    if (node.inputs.every((x) => weights.has(x) || constants.has(x))) weights.add(node);
  }
  const forward = new Set(nodesOf({ ...graph, outputs: graph.outputs.slice(0, 1) }));
  const inner = order.filter((n) => !isParam(n) && !weights.has(n) && !constants.has(n));
  const layerOf = new Map<Node, string>();
  for (const node of inner)
    layerOf.set(node, repeatedCall(originOf(node).path ?? "") ?? graph.name);

  const isTraining = graph.outputs.some((o) => o.name.startsWith("grad."));
  const roleOf = new Map<Node, Role>();
  const anchors = forwardRoles(
    inner.filter((n) => forward.has(n)),
    { layerOf, weights, roleOf },
  );
  if (isTraining)
    backwardRoles(graph, inner, { layerOf, weights, forward, anchors, roleOf, hints });
  return { roleOf, layerOf, forward, weights, constants };
}

interface Context {
  readonly layerOf: ReadonlyMap<Node, string>;
  readonly weights: ReadonlySet<Node>;
  readonly roleOf: Map<Node, Role>;
}

/** The parameter side of a product with weights, or undefined. */
export function weightOf(node: Node, weights: ReadonlySet<Node>): Node | undefined {
  if (node.op.name !== "matmul") return undefined;
  const [x, w] = [node.inputs[0]!, node.inputs[1]!];
  return weights.has(w) && !weights.has(x) ? w : undefined;
}

/** Gives forward nodes their roles; returns the anchor that each weight belongs to. */
function forwardRoles(
  nodes: readonly Node[],
  { layerOf, weights, roleOf }: Context,
): ReadonlyMap<Node, Anchor> {
  const leads = leadsToAttention(nodes, { layerOf, weights });
  const masks = new Map<Node, number>();
  const anchors = new Map<Node, Anchor>();
  for (const node of nodes) {
    let mask = 0;
    for (const x of node.inputs)
      if (layerOf.get(x) === layerOf.get(node)) mask |= masks.get(x) ?? 0;
    const weight = weightOf(node, weights);
    const anchor =
      node.op.name === "attention"
        ? "attention"
        : weight === undefined
          ? undefined
          : (leads.get(node) ?? anchorBehind(mask));
    if (weight !== undefined && anchor !== undefined) anchors.set(weight, anchor);
    roleOf.set(node, anchor ?? roleBehind(mask));
    masks.set(node, mask | (anchor === undefined ? 0 : BIT[anchor]));
  }
  return anchors;
}

/** Which operand of attention a product leads to with no other product between. */
function leadsToAttention(
  nodes: readonly Node[],
  { layerOf, weights }: Omit<Context, "roleOf">,
): ReadonlyMap<Node, "q" | "k" | "v"> {
  const found = new Map<Node, "q" | "k" | "v">();
  for (const node of nodes) {
    if (node.op.name !== "attention") continue;
    for (const [i, operand] of (["q", "k", "v"] as const).entries()) {
      const stack = [node.inputs[i]!];
      for (let x = stack.pop(); x !== undefined; x = stack.pop()) {
        if (layerOf.get(x) !== layerOf.get(node)) continue;
        if (weightOf(x, weights) !== undefined) found.set(x, operand);
        else stack.push(...x.inputs);
      }
    }
  }
  return found;
}

function anchorBehind(mask: number): Anchor {
  if ((mask & BIT.in) !== 0) return "out";
  return (mask & BIT.attention) !== 0 && (mask & BIT.o) === 0 ? "o" : "in";
}

function roleBehind(mask: number): Role {
  if ((mask & BIT.out) !== 0) return "residual";
  if ((mask & BIT.in) !== 0) return "activation";
  if ((mask & BIT.o) !== 0) return "between";
  if ((mask & BIT.attention) !== 0) return "attention";
  return mask !== 0 ? "heads" : "norm";
}

interface BackwardContext extends Context {
  readonly forward: ReadonlySet<Node>;
  readonly anchors: ReadonlyMap<Node, Anchor>;
  readonly hints: ReadonlyMap<Node, Role>;
}

const D = { out: 1, in: 2, o: 4, attention: 8, qkv: 16 } as const;
const ATTENTION_GRADIENTS: Readonly<Record<string, Role>> = {
  attention_grad_q: "d_scores",
  attention_grad_k: "d_scores",
  attention_grad_v: "d_values",
};

/** Roles of the nodes that carry the gradient of a layer's output to its input. */
function backwardRoles(graph: Graph, nodes: readonly Node[], c: BackwardContext): void {
  const { layerOf, weights, anchors, roleOf, hints } = c;
  const gradients = nodes.filter((n) => !c.forward.has(n));
  const seeded = seededOf(graph, gradients, c);
  const carriers = carriersOf(graph, gradients, c);
  const masks = new Map<Node, number>();
  for (const node of gradients) {
    if (!carriers.has(node) || !(seeded.has(node) || hints.has(node))) continue;
    let mask = 0;
    for (const x of node.inputs)
      if (layerOf.get(x) === layerOf.get(node)) mask |= masks.get(x) ?? 0;
    const hint = hints.get(node) ?? ATTENTION_GRADIENTS[node.op.name];
    const weight = weightOf(node, weights);
    const anchor = weight === undefined ? undefined : anchors.get(weight);
    const role =
      hint ?? sumRole(node, roleOf) ?? (anchor && productRole(anchor)) ?? gradientBehind(mask);
    roleOf.set(node, role);
    masks.set(node, mask | bitOf(role));
  }
}

/**
 * Gradient nodes that a gradient of a layer's input depends on, and what is recomputed for them. The
 * others are gradients of parameters.
 */
function carriersOf(
  graph: Graph,
  gradients: readonly Node[],
  { weights, hints, layerOf }: BackwardContext,
): ReadonlySet<Node> {
  const own = new Set(gradients);
  const carriers = new Set<Node>();
  const isEnd = (node: Node) => node.op.name === "embedding_grad";
  const ends = gradients.filter((n) => isEnd(n) || hints.has(n));
  const stack = ends.flatMap((n) => (isEnd(n) ? n.inputs : [n]));
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (!own.has(node) || carriers.has(node) || weights.has(node)) continue;
    if (layerOf.get(node) === graph.name) {
      stack.push(...node.inputs);
      continue;
    }
    carriers.add(node);
    stack.push(...node.inputs);
  }
  return carriers;
}

/** Gradient nodes that a gradient from outside of their layer reaches; the others are recomputed. */
function seededOf(
  graph: Graph,
  gradients: readonly Node[],
  { layerOf }: BackwardContext,
): ReadonlySet<Node> {
  const own = new Set(gradients);
  const seeded = new Set<Node>();
  for (const node of gradients) {
    const layer = layerOf.get(node);
    const isReached = node.inputs.some(
      (x) => own.has(x) && (seeded.has(x) || layerOf.get(x) !== layer),
    );
    if (layer === graph.name || isReached) seeded.add(node);
  }
  return seeded;
}

function productRole(anchor: Anchor): Role | undefined {
  switch (anchor) {
    case "q":
      return "d_q";
    case "k":
    case "v":
      return "d_kv";
    case "o":
      return "d_o";
    case "in":
      return "d_in";
    case "out":
      return "d_out";
    case "attention":
      return undefined;
  }
}

/** The sum of products of one kind is part of that kind. */
function sumRole(node: Node, roleOf: ReadonlyMap<Node, Role>): Role | undefined {
  if (node.op.name !== "add") return undefined;
  const [a, b] = node.inputs.map((x) => roleOf.get(x));
  const qkv: readonly (Role | undefined)[] = ["d_q", "d_kv", "d_qkv"];
  if (a === "d_in" && b === "d_in") return "d_in";
  if (a === "d_kv" && b === "d_kv") return "d_kv";
  return qkv.includes(a) && qkv.includes(b) ? "d_qkv" : undefined;
}

function bitOf(role: Role): number {
  if (role === "d_out") return D.out;
  if (role === "d_in") return D.in;
  if (role === "d_o") return D.o;
  if (role === "d_values" || role === "d_scores") return D.attention;
  return role === "d_q" || role === "d_kv" || role === "d_qkv" ? D.qkv : 0;
}

function gradientBehind(mask: number): Role {
  if ((mask & D.qkv) !== 0) return "d_norm";
  if ((mask & D.attention) !== 0) return "d_heads";
  if ((mask & D.o) !== 0) return "d_context";
  if ((mask & D.in) !== 0) return "d_between";
  return (mask & D.out) !== 0 ? "d_activation" : "d_residual";
}
