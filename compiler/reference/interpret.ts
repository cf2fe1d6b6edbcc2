/**
 * The reference interpreter: every graph's meaning, slow and obvious.
 *
 * It calls each op's `eval` in order, in float64. `precision` rounds every result as a device of that
 * width would store it; sums inside one op stay in float64.
 */

import { type Graph, isInput, isParam, leafName, nodesOf, topological } from "../ir/graph.ts";
import type { Node } from "../ir/node.ts";
import { sizesOf } from "../ir/types.ts";
import { opOf } from "../ops/define.ts";
import { countOf, type Tensor } from "../ops/tensor.ts";
import { bug, invariant } from "../support/bug.ts";
import { roundToHalf } from "../support/half.ts";

export type Precision = "f64" | "f32" | "f16";

export interface InterpretOptions {
  readonly precision?: Precision;
}

/** Values of inputs and parameters by name. */
export type Values = ReadonlyMap<string, Tensor>;

const ROUND: Readonly<Record<Precision, ((x: number) => number) | undefined>> = {
  f64: undefined,
  f32: Math.fround,
  f16: roundToHalf,
};

function rounded(node: Node, value: Tensor, precision: Precision): Tensor {
  const round = node.type.dtype === "i32" ? undefined : ROUND[precision];
  return round === undefined ? value : { shape: value.shape, data: value.data.map(round) };
}

/** Values of the given nodes. Throws a bug for a leaf without a value. */
export function evaluateNodes(
  roots: readonly Node[],
  values: Values,
  { precision = "f64" }: InterpretOptions = {},
): Tensor[] {
  const results = new Map<Node, Tensor>();
  for (const node of topological(roots)) {
    if (isInput(node) || isParam(node)) {
      const name = leafName(node);
      const value = values.get(name) ?? bug(`no value for ${node.op.name} ${name}`);
      invariant(
        value.data.length === countOf(sizesOf(node.type.shape)),
        `value of ${name} has the wrong size`,
      );
      results.set(
        node,
        rounded(node, { shape: sizesOf(node.type.shape), data: value.data }, precision),
      );
      continue;
    }
    const inputs = node.inputs.map((x) => results.get(x)!);
    results.set(node, rounded(node, opOf(node).eval(inputs, node.attrs, node.type), precision));
  }
  return roots.map((node) => results.get(node)!);
}

/** The outputs of a graph by name. */
export function interpret(
  graph: Graph,
  values: Values,
  options: InterpretOptions = {},
): Map<string, Tensor> {
  const results = evaluateNodes(
    graph.outputs.map((o) => o.node),
    values,
    options,
  );
  return new Map(graph.outputs.map((o, i) => [o.name, results[i]!]));
}

/** Whether a value depends on nothing but constants, for each node of a graph. */
export function constantNodes(graph: Graph): Set<Node> {
  const found = new Set<Node>();
  for (const node of nodesOf(graph)) {
    if (isInput(node) || isParam(node)) continue;
    if (node.inputs.every((x) => found.has(x))) found.add(node);
  }
  return found;
}
