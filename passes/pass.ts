/**
 * What a pass is, and the runner.
 *
 * A pass is a named value with a promise: the properties it requires, the ones it establishes, the
 * ones it keeps. The runner checks the order, verifies the graph before and after, times, counts,
 * dumps and stops. A pass does none of this itself.
 */

import { type Graph, mapNodes, nodesOf } from "../compiler/ir/graph.ts";
import { makeNode, type Node, originOf, withOrigin } from "../compiler/ir/node.ts";
import { match, type Rule } from "../compiler/ir/pattern.ts";
import { printGraph } from "../compiler/ir/print.ts";
import { sameType } from "../compiler/ir/types.ts";
import { verifyGraph } from "../compiler/ir/verify.ts";
import { bug } from "../compiler/support/bug.ts";

/** What may be known of a graph. */
export type Property =
  /** Arithmetic that changes nothing is gone; transposes are folded into products. */
  | "canonical"
  /** Attention, normalisation and SwiGLU stand as single ops. */
  | "composite"
  /** Gradients of all parameters are among the outputs. */
  | "differentiated"
  /** Only ops that have a MIL rule. */
  | "mil_ops";

export interface PassContext {
  /** Counts a place where the pass did something. */
  readonly matched: (what?: unknown) => void;
}

export interface Pass {
  readonly name: string;
  readonly doc: string;
  readonly requires: readonly Property[];
  readonly establishes: readonly Property[];
  /** Properties that survive; "all" for a pass that breaks none. */
  readonly keeps: readonly Property[] | "all";
  /** Whether running it twice is the same as once; tests check it. */
  readonly idempotent: boolean;
  /** Whether the outputs keep their meaning; false for one that adds outputs. */
  readonly preserves: boolean;
  readonly rules?: readonly Rule[];
  readonly run: (graph: Graph, context: PassContext) => Graph;
}

export function definePass(
  pass: Omit<Pass, "idempotent" | "preserves"> & Partial<Pick<Pass, "idempotent" | "preserves">>,
): Pass {
  return { idempotent: true, preserves: true, ...pass };
}

/** A pass made of equations, applied bottom-up until none fits. */
export function rulePass(
  spec: Pick<Pass, "name" | "doc"> & Partial<Pass> & { readonly rules: readonly Rule[] },
): Pass {
  return definePass({
    requires: [],
    establishes: [],
    keeps: "all",
    ...spec,
    run: (graph, { matched }) => applyRules(graph, spec.rules, matched),
  });
}

/** Rewrites a graph with rules. A rule whose result is not of the same type is a bug. */
export function applyRules(
  graph: Graph,
  rules: readonly Rule[],
  matched: (rule: Rule) => void,
): Graph {
  const byOp = new Map<string, Rule[]>();
  for (const rule of rules) {
    const op =
      rule.pattern.kind === "op" ? rule.pattern.op : bug(`rule ${rule.name} matches anything`);
    byOp.set(op, [...(byOp.get(op) ?? []), rule]);
  }
  return mapNodes(graph, (node, inputs) => {
    const current = inputs.every((x, i) => x === node.inputs[i])
      ? node
      : withOrigin(node.scope, originOf(node), () => remakeWith(node, inputs));
    for (const rule of byOp.get(current.op.name) ?? []) {
      const bindings = match(rule.pattern, current);
      if (bindings === undefined) continue;
      const next = withOrigin(current.scope, originOf(current), () =>
        rule.replace(bindings, current),
      );
      if (next === undefined || next === current) continue;
      if (!sameType(next.type, current.type)) bug(`rule "${rule.name}" changed a type`);
      matched(rule);
      return next;
    }
    return current;
  });
}

function remakeWith(node: Node, inputs: readonly Node[]): Node {
  return makeNode(node.scope, node.op, inputs, node.attrs);
}

/** What one pass did. */
export interface PassReport {
  readonly name: string;
  readonly milliseconds: number;
  readonly matches: number;
  readonly changed: boolean;
  readonly nodesBefore: number;
  readonly nodesAfter: number;
}

export interface RunOptions {
  /** Called after each pass with the graph as text, if asked for by name. */
  readonly printAfter?: {
    readonly names: readonly string[];
    readonly print: (name: string, text: string) => void;
  };
  /** Stops after this pass. */
  readonly stopAfter?: string;
}

export interface PipelineResult {
  readonly graph: Graph;
  readonly reports: readonly PassReport[];
}

/** Runs passes in order. A broken promise of a pass is a bug and names the pass. */
export function runPasses(
  graph: Graph,
  passes: readonly Pass[],
  options: RunOptions = {},
): PipelineResult {
  const known = new Set<Property>();
  const reports: PassReport[] = [];
  let current = graph;
  checkGraph(current, "the front end");
  for (const pass of passes) {
    const missing = pass.requires.find((p) => !known.has(p));
    if (missing !== undefined)
      bug(`pass \`${pass.name}\` requires "${missing}", which no pass before it establishes`);
    let matches = 0;
    const start = performance.now();
    const next = withOrigin(current.scope, { pass: pass.name }, () =>
      pass.run(current, {
        matched: () => {
          matches += 1;
        },
      }),
    );
    const milliseconds = performance.now() - start;
    if (next !== current) checkGraph(next, `pass \`${pass.name}\``);
    reports.push({
      name: pass.name,
      milliseconds,
      matches,
      changed: next !== current,
      nodesBefore: nodesOf(current).length,
      nodesAfter: nodesOf(next).length,
    });
    if (next !== current && pass.keeps !== "all") {
      for (const p of known) if (!pass.keeps.includes(p)) known.delete(p);
    }
    for (const p of pass.establishes) known.add(p);
    current = next;
    if (options.printAfter?.names.includes(pass.name))
      options.printAfter.print(pass.name, printGraph(current));
    if (options.stopAfter === pass.name) break;
  }
  return { graph: current, reports };
}

function checkGraph(graph: Graph, author: string): void {
  const faults = verifyGraph(graph);
  if (faults.length === 0) return;
  bug(
    `${author} made an invalid graph (this is not your model's fault)\n\n  invariant   ${faults.join("\n              ")}`,
  );
}
