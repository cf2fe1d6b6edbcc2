/**
 * Folds the weights of a norm into the products behind it.
 *
 *     rms_norm(x, g) @ w   ⇒   rms_norm(x, 1) @ (g · w)
 *
 * The right side is a value of parameters alone: the host computes it when weights are staged, and
 * no norm weight needs a place on a surface. Autodiff gives the gradients of both. Only inside repeated
 * layers, and only where products are the norm's sole readers.
 */
import {
  type Graph,
  isParam,
  mapNodes,
  nodesOf,
  remake,
  usersOf,
} from "../../compiler/ir/graph.ts";
import { type Node, originOf, withOrigin } from "../../compiler/ir/node.ts";
import { broadcast } from "../../compiler/ops/broadcast.ts";
import { attrNumber, constant, ONE } from "../../compiler/ops/define.ts";
import { matmul } from "../../compiler/ops/matmul.ts";
import { mul } from "../../compiler/ops/mul.ts";
import { reshape } from "../../compiler/ops/reshape.ts";
import { rmsNorm } from "../../compiler/ops/rms_norm.ts";
import { definePass, type Pass } from "../pass.ts";
import { repeatedCall } from "./roles.ts";

/** Whether a norm's readers are products with parameters, and nothing else. */
function isFoldable(node: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  if (node.op.name !== "rms_norm" || !isParam(node.inputs[1]!)) return false;
  if (repeatedCall(originOf(node).path ?? "") === undefined) return false;
  const readers = users.get(node) ?? [];
  return readers.length > 0 && readers.every((user) => isProduct(user, node));
}

function isProduct(user: Node, norm: Node): boolean {
  const w = user.inputs[1];
  return (
    user.op.name === "matmul" &&
    user.inputs[0] === norm &&
    w !== undefined &&
    isParam(w) &&
    w.type.shape.length === 2 &&
    user.attrs["transpose_x"] !== true &&
    user.attrs["transpose_y"] !== true
  );
}

function fold(graph: Graph, matched: (what?: unknown) => void): Graph {
  const users = usersOf(nodesOf(graph));
  for (const { node } of graph.outputs) users.set(node, [...(users.get(node) ?? []), node]);
  const units = new Map<Node, Node>();
  const unitOf = (norm: Node, x: Node): Node => {
    const known = units.get(norm);
    if (known !== undefined) return known;
    const ones = broadcast(constant(x.scope, 1), norm.inputs[1]!.type.shape);
    const unit = withOrigin(x.scope, originOf(norm), () =>
      rmsNorm(x, ones, { eps: attrNumber(norm.attrs, "eps") }),
    );
    units.set(norm, unit);
    return unit;
  };
  return mapNodes(graph, (node, inputs) => {
    const norm = node.inputs[0];
    if (node.op.name === "matmul" && norm !== undefined && isFoldable(norm, users)) {
      matched();
      return withOrigin(node.scope, originOf(node), () => {
        const g = norm.inputs[1]!;
        const weight = mul(inputs[1]!, reshape(g, [...g.type.shape, ONE]));
        return matmul(unitOf(norm, inputs[0]!.inputs[0]!), weight);
      });
    }
    return inputs.every((x, i) => x === node.inputs[i]) ? node : remake(node, inputs);
  });
}

export const foldNormWeights: Pass = definePass({
  name: "fold_norm_weights",
  doc: "folds the weights of norms into the products behind them",
  requires: [],
  establishes: [],
  keeps: "all",
  run: (graph, { matched }) => fold(graph, matched),
});
