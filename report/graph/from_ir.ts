/** A graph of the compiler as a drawing shows it: parameters and constants stand in the node that reads them. */
import {
  constantValue,
  type Graph,
  isInput,
  isParam,
  leafName,
  nodesOf,
} from "../../compiler/ir/graph.ts";
import { attrText, type Node, numberText, originOf } from "../../compiler/ir/node.ts";
import { shapeName, shapeWithSizes } from "../../compiler/ir/types.ts";
import { opOf } from "../../compiler/ops/define.ts";
import { lineText, positionAt, type Span } from "../../compiler/support/source.ts";
import { repeatedCall } from "../../passes/ane/roles.ts";
import type { Family, GraphSource, SourceLine, SourceNode } from "./drawing.ts";
import { kindOf } from "./kinds.ts";

/** Where a node of an optimised graph runs. */
export interface Home {
  /** The program, or undefined on the host. */
  readonly program?: string;
  /** `block.3`. */
  readonly layer?: string;
}

export interface IrOptions {
  /** Without it, boxes are the layers of the source. */
  readonly homeOf?: (node: Node) => Home;
  readonly families?: ReadonlyMap<string, Family>;
  /** MIL of a node in its program. */
  readonly milOf?: (node: Node) => string | undefined;
}

const LONGEST_LINE = 200;

/** The line a span starts in. */
export function sourceLine({ source, start, end }: Span): SourceLine {
  const { line, column } = positionAt(source, start);
  const text = lineText(source, line).slice(0, LONGEST_LINE);
  const from = Math.min(column - 1, text.length);
  const width = Math.max(1, Math.min(end - start, text.length - from));
  return { path: source.path, line, text, column: from, width };
}

/** Equal for nodes that one expression of the source made, forward or backward. */
function keyOf({ source, start, end }: Span, path: string): string {
  return `${source.path}:${start}:${end} ${path.replaceAll(/\.\d+/g, ".*")}`;
}

/** What `drawingOf` takes, of a graph. */
export function sourceOfGraph(graph: Graph, options: IrOptions = {}): GraphSource {
  const families = new Map(options.families);
  const outputs = new Map<Node, string[]>();
  for (const { name, node } of graph.outputs)
    outputs.set(node, [...(outputs.get(node) ?? []), name]);
  const order = nodesOf(graph);
  const isDrawn = drawnIn(order, new Set(outputs.keys()));
  const index = new Map<Node, number>();
  const nodes: SourceNode[] = [];
  for (const node of order) {
    if (!isDrawn.has(node)) continue;
    index.set(node, nodes.length);
    const { span, path = "" } = originOf(node);
    const mil = options.milOf?.(node);
    const instance = instanceOf(node, options, families);
    nodes.push({
      label: isInput(node) ? leafName(node) : node.op.name,
      detail: shapeName(node.type.shape),
      kind: isInput(node) ? "input" : kindOf(node.op.name),
      rows: rowsOf(node, isDrawn, outputs.get(node) ?? [], instance),
      inputs: [...new Set(node.inputs)].flatMap((x) => index.get(x) ?? []),
      ...(span === undefined ? {} : { source: sourceLine(span), key: keyOf(span, path) }),
      ...(mil === undefined ? {} : { mil }),
      ...(instance === undefined ? {} : { instance }),
    });
  }
  return { nodes, families };
}

/** Inputs, and what depends on one. The rest is weights, which stand in their readers. */
function drawnIn(order: readonly Node[], outputs: ReadonlySet<Node>): ReadonlySet<Node> {
  const drawn = new Set<Node>();
  for (const node of order)
    if (isInput(node) || outputs.has(node) || node.inputs.some((x) => drawn.has(x)))
      drawn.add(node);
  return drawn;
}

function instanceOf(
  node: Node,
  { homeOf }: IrOptions,
  families: Map<string, Family>,
): SourceNode["instance"] {
  const path = originOf(node).path ?? "";
  const { program, layer } = homeOf?.(node) ?? {};
  if (program !== undefined) return { family: program, index: layer ?? program };
  const copy = repeatedCall(path);
  if (copy === undefined || isInput(node)) return undefined;
  const name = copy.replace(/(\.\d+)+$/, "");
  const isGradient = originOf(node).pass === "differentiate";
  const family = homeOf === undefined ? name : `host ${name}${isGradient ? " gradients" : ""}`;
  const title = homeOf === undefined ? name : `host: ${isGradient ? "gradients of " : ""}${name}`;
  const where = homeOf === undefined ? "none" : "host";
  if (!families.has(family)) families.set(family, { title, where });
  return { family, index: copy };
}

function rowsOf(
  node: Node,
  isDrawn: ReadonlySet<Node>,
  outputs: readonly string[],
  instance: SourceNode["instance"],
): [string, string][] {
  const attrs = Object.entries(node.attrs)
    .filter(([name]) => !["name", "shape", "dtype", "init"].includes(name))
    .map(([name, value]) => `${name}: ${attrText(value)}`);
  const hidden = node.inputs.filter((x) => !isDrawn.has(x));
  const { path, pass } = originOf(node);
  const rows: (readonly [string, string | undefined])[] = [
    ["op", isInput(node) ? "input" : opOf(node).doc],
    ["result", `${node.type.dtype} ${shapeWithSizes(node.type.shape)}`],
    ...node.inputs
      .filter((x) => isDrawn.has(x))
      .map(
        (x) => ["reads", `${nameOf(x)} ${x.type.dtype} ${shapeWithSizes(x.type.shape)}`] as const,
      ),
    ...hidden.map((x) => ["weight", textOf(x)] as const),
    ["with", attrs.length === 0 ? undefined : attrs.join(", ")],
    ["call", path === "" ? undefined : path],
    ["made by", pass],
    ["in", instance?.index === path ? undefined : instance?.index],
    ["output", outputs.length === 0 ? undefined : outputs.join(", ")],
  ];
  return rows.flatMap(([label, value]) =>
    value === undefined ? [] : [[label, value] as [string, string]],
  );
}

const nameOf = (node: Node): string => (isInput(node) ? leafName(node) : node.op.name);

/** `transpose(@embed.weight) [D 512, V 8192]`. */
function textOf(node: Node): string {
  const value = constantValue(node);
  if (value !== undefined) return numberText(value);
  return `${expression(node, 0)} ${node.type.dtype} ${shapeWithSizes(node.type.shape)}`;
}

const DEEPEST = 4;

function expression(node: Node, depth: number): string {
  const value = constantValue(node);
  if (value !== undefined) return numberText(value);
  if (isParam(node)) return `@${leafName(node)}`;
  if (depth === DEEPEST) return "…";
  return `${node.op.name}(${node.inputs.map((x) => expression(x, depth + 1)).join(", ")})`;
}
