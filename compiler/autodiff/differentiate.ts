/**
 * Reverse-mode differentiation, Graph → Graph.
 *
 * Walks the forward values from the loss back and asks each op for the gradients of its operands.
 * Composite ops (`attention`, `rms_norm`, …) stay whole: their gradients are ops as well. Gradients
 * of a value that is used several times are added.
 */

import { type Graph, isTrained, leafName, makeGraph, topological } from "../ir/graph.ts";
import { type Node, originOf, withOrigin } from "../ir/node.ts";
import { isFloat, shapeName } from "../ir/types.ts";
import { noGradient } from "../messages/gradients.ts";
import { add } from "../ops/add.ts";
import { broadcast } from "../ops/broadcast.ts";
import { constant, opOf } from "../ops/define.ts";
import { UserError } from "../support/diagnostic.ts";

/** The gradients of `loss`, a scalar, for each of `wrt`; zeros where the loss does not depend on it. */
export function gradientsOf(loss: Node, wrt: readonly Node[]): Node[] {
  if (loss.type.shape.length !== 0) {
    throw new UserError(
      noGradient("the loss", `a scalar, not ${shapeName(loss.type.shape)}`, originOf(loss).span),
    );
  }
  const order = topological([loss]);
  const needed = dependsOn(order, new Set(wrt));
  const gradient = new Map<Node, Node>([[loss, constant(loss.scope, 1, loss.type.dtype)]]);

  for (const node of [...order].reverse()) {
    const dy = gradient.get(node);
    if (dy === undefined || node.inputs.length === 0 || !needed.has(node)) continue;
    const vjp = opOf(node).vjp;
    if (vjp === undefined) {
      const span = originOf(node).span;
      throw new UserError(noGradient(`\`${node.op.name}\``, "an op that has one", span));
    }
    withOrigin(node.scope, { ...originOf(node), pass: "differentiate" }, () => {
      for (const [i, part] of vjp(node, dy).entries()) {
        const x = node.inputs[i]!;
        if (part === null || !needed.has(x)) continue;
        const before = gradient.get(x);
        gradient.set(x, before === undefined ? part : add(before, part));
      }
    });
  }
  return wrt.map(
    (x) => gradient.get(x) ?? broadcast(constant(x.scope, 0, x.type.dtype), x.type.shape),
  );
}

/** The values on a path from `roots`. */
function dependsOn(order: readonly Node[], roots: ReadonlySet<Node>): Set<Node> {
  const found = new Set<Node>();
  for (const node of order) {
    if (!isFloat(node.type.dtype)) continue;
    if (roots.has(node) || node.inputs.some((x) => found.has(x))) found.add(node);
  }
  return found;
}

/**
 * The training graph of a graph whose first output is the loss: the same outputs, then `grad.PATH`
 * for every parameter that is not frozen, in the order of the parameters.
 */
export function differentiate(graph: Graph): Graph {
  const loss = graph.outputs[0]!.node;
  const trained = graph.params.filter(isTrained);
  const gradients = gradientsOf(loss, trained);
  return makeGraph({
    ...graph,
    outputs: [
      ...graph.outputs,
      ...trained.map((p, i) => ({ name: `grad.${leafName(p)}`, node: gradients[i]! })),
    ],
  });
}
