/** Checks that a graph is whole: what the pass runner asks before and after every pass. */
import { type Graph, isInput, isParam, nodesOf } from "./graph.ts";
import type { Node } from "./node.ts";
import { ShapeProblem } from "./problem.ts";
import { sameType, typeText } from "./types.ts";

/** Whether a scope made the node: then its type is what its op says, and it does not change. */
const isMade = (node: Node): boolean => node.scope.origins.has(node);

/** What is wrong with a graph, one sentence each; empty for a good one. */
export function verifyGraph(graph: Graph): string[] {
  const faults: string[] = [];
  const interface_ = new Set([...graph.inputs, ...graph.params]);
  const outputNames = new Set<string>();
  for (const output of graph.outputs) {
    if (outputNames.has(output.name)) faults.push(`two outputs are named ${output.name}`);
    outputNames.add(output.name);
  }
  for (const node of nodesOf(graph)) {
    const name = `%${node.id} = ${node.op.name}`;
    if (node.scope !== graph.scope) faults.push(`${name} belongs to another graph`);
    if ((isInput(node) || isParam(node)) && !interface_.has(node)) {
      faults.push(`${name} is not in the graph's interface`);
    }
    if (isMade(node)) continue;
    try {
      const type = node.op.shape(
        node.inputs.map((n) => n.type),
        node.attrs,
      );
      if (!sameType(type, node.type)) {
        faults.push(`${name} says ${typeText(node.type)}, its op says ${typeText(type)}`);
      }
    } catch (error) {
      if (!(error instanceof ShapeProblem)) throw error;
      faults.push(`${name}: operands do not fit (${error.fault.kind})`);
    }
  }
  return faults;
}
