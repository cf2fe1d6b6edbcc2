/**
 * Accumulated outputs as sums of terms.
 *
 * A gradient of a parameter that is used twice is `a + b`. Kernels that can add to what is there write
 * each term straight into the output; the additions themselves disappear. A term that somebody else
 * reads as well, or whose kernel cannot add, is computed as a value and added at the end.
 */
import { type Graph, nodesOf, usersOf } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { elementCount } from "../compiler/ir/types.ts";
import { opOf } from "../compiler/ops/define.ts";

export interface OutputSums {
  /** Nodes written straight into an output, and which. */
  readonly terms: ReadonlyMap<Node, string>;
  /** Values to add to an output when everything else is done. */
  readonly late: readonly { readonly node: Node; readonly output: string }[];
  /** Additions whose terms replace them. */
  readonly dissolved: ReadonlySet<Node>;
}

/** The terms of the outputs named in `accumulated`. */
export function splitSums(graph: Graph, accumulated: ReadonlySet<string>): OutputSums {
  const terms = new Map<Node, string>();
  const late: { node: Node; output: string }[] = [];
  const dissolved = new Set<Node>();
  const users = usersOf(nodesOf(graph));
  // Read once in all: by one addition, or by the output itself.
  const readOnce = (node: Node): boolean => {
    const asOutput = graph.outputs.filter((o) => o.node === node).length;
    return asOutput + (users.get(node)?.length ?? 0) === 1;
  };
  const split = (node: Node, output: string): void => {
    const size = elementCount(node.type.shape);
    const isSum =
      node.op.name === "add" && node.inputs.every((x) => elementCount(x.type.shape) === size);
    if (isSum && readOnce(node)) {
      dissolved.add(node);
      for (const x of node.inputs) split(x, output);
    } else if (opOf(node).host?.accumulates === true && readOnce(node)) {
      terms.set(node, output);
    } else {
      late.push({ node, output });
    }
  };
  for (const { name, node } of graph.outputs) if (accumulated.has(name)) split(node, name);
  return { terms, late, dissolved };
}
