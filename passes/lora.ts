/**
 * Low-rank adapters: a graph in which chosen products with weights have a small trained product beside them.
 *
 *     y = x @ W      ⇒      y = x @ W + scale · ((x @ A) @ B)          A [inputs, rank], B [rank, outputs]
 *
 * W and every other parameter of the model are frozen, norms excepted unless they are asked to be. A starts as
 * uniform numbers in ±1/√rank and B as zeros, so that the model starts as it was.
 *
 * `merged` computes x @ (W + scale · (A @ B)) instead: the same function, with one product of the size of W more.
 */
import {
  type Graph,
  isParam,
  leafName,
  makeGraph,
  mapNodes,
  nodesOf,
  remake,
} from "../compiler/ir/graph.ts";
import { makeNode, type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { dim } from "../compiler/ir/types.ts";
import { add } from "../compiler/ops/add.ts";
import { param } from "../compiler/ops/input.ts";
import { matmul } from "../compiler/ops/matmul.ts";
import { mul } from "../compiler/ops/mul.ts";

export interface Lora {
  /** Columns of A and rows of B. */
  readonly rank: number;
  /** Factor of what an adapter adds. */
  readonly scale: number;
  /** Weights that get an adapter, by the last part of their path: `wq` is that of every layer. */
  readonly targets: readonly string[];
  /** Whether the weights of norms are trained as well. */
  readonly norms: boolean;
  /** The weights are those of a file from which adapters were taken out again, so that no file has them. */
  readonly unmerged?: true;
  /** Default: split. */
  readonly form?: "split" | "merged";
}

/** The projections of attention, and those of the feed-forward layer, in the library's models. */
export const ATTENTION_TARGETS: readonly string[] = ["wq", "wk", "wv", "wo"];
export const FEED_FORWARD_TARGETS: readonly string[] = ["w1", "w3", "w2"];

/** Nodes of adapters stand outside of layers: on the engine they are the host's. */
const ORIGIN = "adapters";

export type Side = "a" | "b";

/** The path of an adapter's matrix. */
export function adapterPath(weight: string, side: Side): string {
  return `${weight}.lora_${side}`;
}

/** The weight that a parameter is part of the adapter of, and which part; undefined for any other parameter. */
export function adapterOf(
  node: Node,
): { readonly weight: string; readonly side: Side } | undefined {
  const { adapts, side } = node.attrs;
  if (typeof adapts !== "string") return undefined;
  return { weight: adapts, side: side as Side };
}

/** Whether a weight is one of the targets: a matrix that is the right side of a product. */
function targetsOf(graph: Graph, names: readonly string[]): ReadonlySet<Node> {
  const wanted = new Set(names);
  const isNamed = (node: Node): boolean => wanted.has(leafName(node).split(".").at(-1)!);
  const found = new Set<Node>();
  for (const node of nodesOf(graph)) {
    const weight = node.op.name === "matmul" ? node.inputs[1]! : undefined;
    const isPlain = node.attrs["transpose_x"] !== true && node.attrs["transpose_y"] !== true;
    if (weight !== undefined && isPlain && isTarget(weight) && isNamed(weight)) found.add(weight);
  }
  return found;
}

function isTarget(node: Node): boolean {
  return isParam(node) && node.type.shape.length === 2;
}

/** The last parts of the paths of the weights that could have an adapter. */
export function possibleTargets(graph: Graph): string[] {
  const last = (node: Node): string => leafName(node).split(".").at(-1)!;
  const all = graph.params.map(last);
  return [...new Set([...targetsOf(graph, all)].map(last))].sort();
}

/**
 * The graph with adapters, whose parameters are those of `graph`, then A and B of each weight in their order. The
 * graph is as it was written: before the passes. Without a weight that is a target nothing is trained but norms.
 */
export function addLora(graph: Graph, lora: Lora): Graph {
  const targets = targetsOf(graph, lora.targets);
  const adapters: Node[] = [];
  const made = new Map<Node, Node>();
  const pairs = new Map<Node, readonly [a: Node, b: Node]>();
  for (const node of graph.params) {
    const isTrainedNorm = lora.norms && node.type.shape.length === 1;
    const kept = isTrainedNorm ? node : frozen(node);
    made.set(node, kept);
    if (!targets.has(node)) continue;
    const pair = pairOf(node, lora.rank);
    pairs.set(kept, pair);
    adapters.push(...pair);
  }
  const added = new Set<Node>();
  const changed = mapNodes(graph, (node, inputs) => {
    if (added.has(node)) return node;
    const leaf = made.get(node);
    if (leaf !== undefined) return leaf;
    const same = inputs.every((x, i) => x === node.inputs[i]) ? node : remake(node, inputs);
    const pair = same.op.name === "matmul" ? pairs.get(same.inputs[1]!) : undefined;
    if (pair === undefined) return same;
    const next = withAdapter(same, pair, lora);
    for (const each of [next, ...next.inputs]) added.add(each);
    return next;
  });
  return makeGraph({
    ...changed,
    params: [...graph.params.map((p) => made.get(p)!), ...adapters],
  });
}

function frozen(node: Node): Node {
  return withOrigin(node.scope, originOf(node), () =>
    makeNode(node.scope, node.op, [], { ...node.attrs, frozen: true }),
  );
}

function pairOf(weight: Node, rank: number): readonly [a: Node, b: Node] {
  const [inputs, outputs] = [weight.type.shape[0]!, weight.type.shape[1]!];
  const path = leafName(weight);
  const columns = dim(null, rank);
  const make = (side: Side): Node => {
    const shape = side === "a" ? [inputs, columns] : [columns, outputs];
    const init = side === "a" ? `uniform ${1 / Math.sqrt(rank)}` : "zeros";
    const { dtype } = weight.type;
    const plain = param(weight.scope, adapterPath(path, side), { dtype, shape }, init);
    return makeNode(weight.scope, plain.op, [], { ...plain.attrs, adapts: path, side });
  };
  return [make("a"), make("b")];
}

function withAdapter(
  product: Node,
  [a, b]: readonly [a: Node, b: Node],
  { scale, form = "split" }: Lora,
): Node {
  const [x, weight] = [product.inputs[0]!, product.inputs[1]!];
  const scaled = (node: Node): Node => (scale === 1 ? node : mul(node, scale));
  const { scope } = product;
  if (form === "merged") {
    return withOrigin(scope, originOf(product), () => matmul(x, add(weight, scaled(matmul(a, b)))));
  }
  const beside = withOrigin(scope, { ...originOf(product), path: ORIGIN }, () =>
    scaled(matmul(matmul(x, a), b)),
  );
  return withOrigin(scope, originOf(product), () => add(product, beside));
}
