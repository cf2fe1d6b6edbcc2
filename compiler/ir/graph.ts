/** A graph: named inputs, parameters, and named outputs over one scope of nodes. */
import { invariant } from "../support/bug.ts";
import { makeNode, type Node, originOf, type Scope, withOrigin } from "./node.ts";

export interface Output {
  readonly name: string;
  readonly node: Node;
}

export interface Graph {
  readonly name: string;
  /** Nodes of op `input`, in declaration order; unused ones stay part of the interface. */
  readonly inputs: readonly Node[];
  /** Nodes of op `param`, in declaration order. */
  readonly params: readonly Node[];
  readonly outputs: readonly Output[];
  readonly scope: Scope;
}

export function makeGraph(graph: Graph): Graph {
  const names = new Set<string>();
  for (const leaf of [...graph.inputs, ...graph.params]) {
    const name = leafName(leaf);
    invariant(!names.has(name), `graph ${graph.name} has two leaves named ${name}`);
    names.add(name);
  }
  return graph;
}

/** The name of an `input` or `param` node. */
export function leafName(node: Node): string {
  const name = node.attrs["name"];
  invariant(typeof name === "string", `${node.op.name} has no name`);
  return name;
}

export function isParam(node: Node): boolean {
  return node.op.name === "param";
}

/** Whether training changes a parameter: all but those that are frozen. */
export function isTrained(param: Node): boolean {
  return param.attrs["frozen"] !== true;
}

export function isInput(node: Node): boolean {
  return node.op.name === "input";
}

/** The value of a `constant` node, or undefined. */
export function constantValue(node: Node): number | undefined {
  return node.op.name === "constant" ? (node.attrs["value"] as number) : undefined;
}

/** Every node the roots depend on, inputs before users; iterative, so depth is no limit. */
export function topological(roots: readonly Node[]): Node[] {
  return walk(roots, () => false);
}

/** As `topological`, without the nodes that `isKnown` and whatever only those depend on. */
function walk(roots: readonly Node[], isKnown: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const enter = (node: Node): void => {
    if (seen.has(node) || isKnown(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const input = top.node.inputs[top.next];
      top.next += 1;
      if (input !== undefined) enter(input);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}

/** Orders of graphs, which do not change; every pass asks for them several times. */
const orders = new WeakMap<Graph, readonly Node[]>();

/** The nodes the outputs depend on, inputs before users. */
export function nodesOf(graph: Graph): Node[] {
  const order = orders.get(graph) ?? topological(graph.outputs.map((o) => o.node));
  orders.set(graph, order);
  return [...order];
}

/** For each node, the nodes that read it (once per operand). */
export function usersOf(nodes: readonly Node[]): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const list = users.get(input);
      if (list === undefined) users.set(input, [node]);
      else list.push(node);
    }
  }
  return users;
}

/**
 * The graph with some nodes replaced and every user of them rebuilt. A replacement may itself use
 * nodes that are replaced. Returns the same graph when no output changes.
 */
export function rebuild(graph: Graph, replacements: ReadonlyMap<Node, Node>): Graph {
  if (replacements.size === 0) return graph;
  return mapNodes(graph, (node, inputs) => {
    const replacement = replacements.get(node);
    if (replacement !== undefined && replacement !== node) return replacement;
    return sameInputs(node, inputs) ? node : remake(node, inputs);
  });
}

function sameInputs(node: Node, inputs: readonly Node[]): boolean {
  return inputs.every((input, i) => input === node.inputs[i]);
}

/** The same op and attributes on other inputs, with the origin of the old node. */
export function remake(node: Node, inputs: readonly Node[]): Node {
  return withOrigin(node.scope, originOf(node), () =>
    makeNode(node.scope, node.op, inputs, node.attrs),
  );
}

/**
 * Rewrites a graph bottom-up. `visit` gets each node with its rewritten inputs and returns the node
 * to use; what it returns is visited in turn until nothing changes, so a rule may build nodes that
 * other rules match.
 */
export function mapNodes(
  graph: Graph,
  visit: (node: Node, inputs: readonly Node[]) => Node,
): Graph {
  const result = new Map<Node, Node>();
  const rewritten = (root: Node): Node => {
    for (const node of walk([root], (n) => result.has(n))) {
      const inputs = node.inputs.map((input) => result.get(input)!);
      const next = visit(node, inputs);
      if (next === node) {
        result.set(node, node);
        continue;
      }
      result.set(node, node); // a replacement that contains the node itself keeps it
      result.set(node, rewritten(next));
    }
    return result.get(root)!;
  };
  const outputs = graph.outputs.map((o) => ({ name: o.name, node: rewritten(o.node) }));
  if (outputs.every((o, i) => o.node === graph.outputs[i]!.node)) return graph;
  return { ...graph, outputs };
}
