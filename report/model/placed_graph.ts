/**
 * The graph after fusion: where each node runs, and what it became in MIL.
 *
 * Programs are planned as `compile` plans them. A node of the graph is lowered together with others, and some
 * only after they were decomposed, so its MIL is that of all statements that were made for its expression of
 * the source.
 */
import { type Node, originOf } from "../../compiler/ir/node.ts";
import { shapeName } from "../../compiler/ir/types.ts";
import { printStatement } from "../../compiler/mil/print.ts";
import { invariant } from "../../compiler/support/bug.ts";
import { aneOptionsOf, type Compilation, type CompileOptions } from "../../index.ts";
import { type AneOptions, lowerCall, planAne } from "../../passes/ane/compile.ts";
import type { Connection } from "../../passes/ane/connect.ts";
import type { Family, GraphSource } from "../graph/drawing.ts";
import { type Home, sourceOfGraph } from "../graph/from_ir.ts";

const decoder = new TextDecoder();

export interface PlacedGraph {
  /** In boxes, one a program, as `drawingOf` takes it. */
  readonly source: GraphSource;
  /** What the schedule's values are that programs make: `attention [H, S, E]`. */
  readonly meanings: ReadonlyMap<string, string>;
}

/** The compiled graph, where it runs. */
export function placedGraph(compiled: Compilation, options: CompileOptions): PlacedGraph {
  const aneOptions = aneOptionsOf(options);
  const plan = planAne(compiled.graph, aneOptions);
  const { manifest, files } = compiled.bundle;
  const dispatches = manifest.schedule.filter((s) => s.do === "dispatch");
  invariant(dispatches.length === plan.connections.length, "a call was planned twice");

  const homes = new Map<Node, Home>();
  const families = new Map<string, Family>();
  const meanings = new Map<string, string>();
  const milByProgram = new Map<string, ReadonlyMap<string, string>>();
  for (const [i, connection] of plan.connections.entries()) {
    const { program, label, outputs } = dispatches[i]!;
    for (const [port, { values }] of Object.values(outputs).entries())
      for (const [k, { node }] of connection.outputs[port]!.plan.values.entries())
        meanings.set(values[k]!, `${node.op.name} ${shapeName(node.type.shape)}`);
    for (const node of connection.call.nodes) homes.set(node, { program, layer: label });
    if (families.has(program)) continue;
    const { file } = manifest.programs.find((p) => p.name === program)!;
    const mil = decoder.decode(files.get(file));
    families.set(program, { title: program, where: "engine", mil });
    milByProgram.set(program, milByExpression(connection, aneOptions));
  }
  const source = sourceOfGraph(plan.graph, {
    families,
    homeOf: (node) => homes.get(node) ?? {},
    milOf: (node) => milByProgram.get(homes.get(node)?.program ?? "")?.get(expressionOf(node)),
  });
  return { source, meanings };
}

/** The expression that a node was made for: `rms_norm(x)` in a layer, or its gradient. */
function expressionOf(node: Node): string {
  const { span, path, pass } = originOf(node);
  const place = span === undefined ? "" : `${span.source.path}:${span.start}:${span.end}`;
  return `${place} ${(path ?? "").replaceAll(/\.\d+/g, ".*")} ${pass === "differentiate"}`;
}

/** Statements of a program by the expression they were made for. */
function milByExpression(connection: Connection, options: AneOptions): ReadonlyMap<string, string> {
  const madeFor: (Node | undefined)[] = [];
  const { program } = lowerCall(connection, options, (node) => madeFor.push(node));
  const statements = program.fn.body.filter((s) => s.op !== "const");
  const found = new Map<string, string[]>();
  for (const [i, statement] of statements.entries()) {
    const node = madeFor[i];
    if (node === undefined) continue;
    const key = expressionOf(node);
    const list = found.get(key) ?? [];
    found.set(key, list);
    list.push(printStatement(statement).trim());
  }
  return new Map([...found].map(([key, list]) => [key, list.join("\n")]));
}
