/** One program of a cut as a graph of its own, and as text that tells equal ones apart from others. */
import { type Graph, isParam, leafName, makeGraph, topological } from "../../compiler/ir/graph.ts";
import {
  attrText,
  makeNode,
  type Node,
  newScope,
  originOf,
  type Scope,
  withOrigin,
} from "../../compiler/ir/node.ts";
import { typeText } from "../../compiler/ir/types.ts";
import { RESERVED_NAMES } from "../../compiler/mil/tree.ts";
import { input } from "../../compiler/ops/input.ts";
import { decomposeForMil } from "../decompose.ts";
import { foldTransposes } from "../fold_transposes.ts";
import { runPasses } from "../pass.ts";
import { simplify } from "../simplify.ts";
import { splitFactors } from "../split_factors.ts";
import type { Call } from "./cut.ts";

/**
 * Names of the values that enter a program: `a0`, … activations, and weights by their path inside the
 * layer: `attn_wq`, or `l2_attn_wq` in the third of several layers.
 */
export function leafNames({
  inputs,
  weights,
  layer,
  layers = [layer],
}: Pick<Call, "inputs" | "weights" | "layer" | "layers">): Map<Node, string> {
  const names = new Map<Node, string>();
  for (const [i, node] of inputs.entries()) names.set(node, `a${i}`);
  const taken = new Set<string>([...names.values(), ...RESERVED_NAMES]);
  for (const node of weights) {
    // A program of one weight serves every weight of that shape.
    let name = weights.length === 1 ? "weight" : weightName(node, layers);
    while (taken.has(name) || /^(in|out|y)\d+$/.test(name)) name += "_";
    taken.add(name);
    names.set(node, name);
  }
  return names;
}

/** The path of the first parameter it is made of, inside its layer. */
function weightName(node: Node, layers: readonly string[]): string {
  const param = topological([node]).find(isParam);
  const path = param === undefined ? "weight" : leafName(param);
  const at = layers.findIndex((layer) => path.startsWith(`${layer}.`));
  const inside = at < 0 ? path : path.slice(layers[at]!.length + 1);
  const local = at < 0 || layers.length === 1 ? inside : `l${at}_${inside}`;
  return local.replaceAll(/\W/g, "_");
}

export const outputName = (i: number): string => `y${i}`;

/** What a program computes, whichever layer it is in: calls of equal text share a program. */
export function programText(call: Call): string {
  const names = leafNames(call);
  const rows = [...names].map(([node, name]) => `${name}: ${typeText(node.type)}`);
  const write = (node: Node): string => {
    const known = names.get(node);
    if (known !== undefined) return known;
    const attrs = Object.entries(node.attrs).map(([k, v]) => `${k}=${attrText(v)}`);
    rows.push(`${node.op.name}(${node.inputs.map(write).join(",")}){${attrs.join(";")}}`);
    const name = `%${rows.length}`;
    names.set(node, name);
    return name;
  };
  const results = call.outputs.map(write);
  return `${rows.join("\n")}\n${results.join(",")}`;
}

/** Copies nodes to another scope; `made` has the leaves, and keeps what was copied. */
export function copierInto(scope: Scope, made: Map<Node, Node>): (node: Node) => Node {
  const copy = (node: Node): Node => {
    const known = made.get(node);
    if (known !== undefined) return known;
    const operands = node.inputs.map(copy);
    const next = withOrigin(scope, originOf(node), () =>
      makeNode(scope, node.op, operands, node.attrs),
    );
    made.set(node, next);
    return next;
  };
  return copy;
}

/** The program as a graph of ops that MIL has. */
export function programGraph(call: Call): Graph {
  const scope = newScope();
  const made = new Map<Node, Node>();
  const inputs: Node[] = [];
  for (const [node, name] of leafNames(call)) {
    const leaf = input(scope, name, node.type);
    made.set(node, leaf);
    inputs.push(leaf);
  }
  const copy = copierInto(scope, made);
  const outputs = call.outputs.map((node, i) => ({ name: outputName(i), node: copy(node) }));
  const graph = makeGraph({ name: call.name, inputs, params: [], outputs, scope });
  return runPasses(graph, [decomposeForMil, simplify, foldTransposes, splitFactors], {}).graph;
}
