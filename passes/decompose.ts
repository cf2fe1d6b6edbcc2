/** Replaces composite ops by simpler ones until every op is one the target has. */

import { opcodeNumber } from "../compiler/bundle/opcodes.ts";
import { type Graph, mapNodes } from "../compiler/ir/graph.ts";
import { makeNode, originOf, withOrigin } from "../compiler/ir/node.ts";
import { type OpDef, opOf } from "../compiler/ops/define.ts";
import { definePass, type Pass } from "./pass.ts";

/** The graph with every op that is not `wanted` decomposed as far as it can be. */
export function decomposeUnless(
  graph: Graph,
  wanted: (op: OpDef) => boolean,
  matched: () => void,
): Graph {
  return mapNodes(graph, (node, inputs) => {
    const current = inputs.every((x, i) => x === node.inputs[i])
      ? node
      : withOrigin(node.scope, originOf(node), () =>
          makeNode(node.scope, node.op, inputs, node.attrs),
        );
    const op = opOf(current);
    if (wanted(op) || op.decompose === undefined) return current;
    matched();
    return withOrigin(current.scope, originOf(current), () => op.decompose!(current));
  });
}

/** Whether the `cpu` device computes this op itself. */
export function hasHostKernel(op: OpDef): boolean {
  return (
    op.host !== undefined || (op.opcode !== undefined && opcodeNumber(op.opcode) !== undefined)
  );
}

export const decomposeForMil: Pass = definePass({
  name: "decompose_for_mil",
  doc: "replaces ops without a MIL rule by ops that have one",
  requires: [],
  establishes: ["mil_ops"],
  keeps: [],
  run: (graph, { matched }) =>
    decomposeUnless(
      graph,
      (op) => op.mil !== undefined,
      () => matched(),
    ),
});

export const decomposeForHost: Pass = definePass({
  name: "decompose_for_host",
  doc: "replaces ops without a host kernel by ops that have one",
  requires: [],
  establishes: [],
  keeps: "all",
  run: (graph, { matched }) => decomposeUnless(graph, hasHostKernel, () => matched()),
});
