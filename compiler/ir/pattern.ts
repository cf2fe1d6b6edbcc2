/**
 * Patterns and rules: equations as data.
 *
 *     rule("x · 1 = x", p("mul", x, 1), ({ x }) => x)
 *
 * A pattern is a hole (matches any value, the same one each time it occurs), a number (a constant of
 * that value) or an op on patterns. Ops that commute match in both orders.
 */

import { constantValue } from "./graph.ts";
import type { AttrValue, Node } from "./node.ts";

export type Pattern =
  | { readonly kind: "hole"; readonly name: string; readonly where?: (node: Node) => boolean }
  | { readonly kind: "number"; readonly value: number }
  | {
      readonly kind: "op";
      readonly op: string;
      readonly inputs: readonly Pattern[];
      readonly attrs?: Readonly<Record<string, AttrValue>>;
      /** Binds the matched node itself under this name. */
      readonly as?: string;
    };

export type Bindings = Readonly<Record<string, Node>>;

export interface Rule {
  /** The equation, as a reader would write it. */
  readonly name: string;
  readonly pattern: Pattern;
  /** The replacement, or undefined where the equation does not apply after all. */
  readonly replace: (bindings: Bindings, matched: Node) => Node | undefined;
}

export function hole(name: string, where?: (node: Node) => boolean): Pattern {
  return where === undefined ? { kind: "hole", name } : { kind: "hole", name, where };
}

/** A pattern of op `name`; numbers stand for constants. */
export function p(op: string, ...inputs: readonly (Pattern | number)[]): Pattern {
  return {
    kind: "op",
    op,
    inputs: inputs.map((x) => (typeof x === "number" ? { kind: "number", value: x } : x)),
  };
}

/** The same pattern, with the matched node bound to `name`. */
export function bind(name: string, pattern: Pattern): Pattern {
  return pattern.kind === "op" ? { ...pattern, as: name } : pattern;
}

/** The same pattern, for nodes with these attributes only. */
export function withAttrs(pattern: Pattern, attrs: Readonly<Record<string, AttrValue>>): Pattern {
  return pattern.kind === "op" ? { ...pattern, attrs } : pattern;
}

export function rule(
  name: string,
  pattern: Pattern,
  replace: (bindings: Bindings, matched: Node) => Node | undefined,
): Rule {
  return { name, pattern, replace };
}

const COMMUTATIVE = new Set(["add", "mul", "maximum", "minimum"]);

/** What the holes of a pattern stand for at `node`, or undefined if it does not match. */
export function match(pattern: Pattern, node: Node, bound: Bindings = {}): Bindings | undefined {
  switch (pattern.kind) {
    case "hole": {
      const before = bound[pattern.name];
      if (before !== undefined) return before === node ? bound : undefined;
      if (pattern.where !== undefined && !pattern.where(node)) return undefined;
      return { ...bound, [pattern.name]: node };
    }
    case "number":
      return constantValue(node) === pattern.value ? bound : undefined;
    case "op": {
      if (node.op.name !== pattern.op || node.inputs.length !== pattern.inputs.length)
        return undefined;
      for (const [key, value] of Object.entries(pattern.attrs ?? {})) {
        if (node.attrs[key] !== value) return undefined;
      }
      const start = pattern.as === undefined ? bound : { ...bound, [pattern.as]: node };
      const found = matchAll(pattern.inputs, node.inputs, start);
      if (found !== undefined || !COMMUTATIVE.has(pattern.op)) return found;
      return matchAll(pattern.inputs, [...node.inputs].reverse(), start);
    }
    default:
      return pattern satisfies never;
  }
}

function matchAll(
  patterns: readonly Pattern[],
  nodes: readonly Node[],
  bound: Bindings,
): Bindings | undefined {
  let current: Bindings | undefined = bound;
  for (const [i, pattern] of patterns.entries()) {
    current = match(pattern, nodes[i]!, current);
    if (current === undefined) return undefined;
  }
  return current;
}
