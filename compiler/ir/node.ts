/**
 * Nodes: immutable, interned values of a graph.
 *
 * A scope hands out nodes and returns the existing one for the same op, inputs and attributes, so
 * common subexpressions and dead code cannot exist and "is it the same value" is `===`. Types come
 * from the op's shape rule alone. Where a node came from is kept beside it, so that origin never
 * prevents sharing.
 */
import { invariant } from "../support/bug.ts";
import type { Span } from "../support/source.ts";
import { type Dim, dimText, type TensorType } from "./types.ts";

export type AttrValue = number | string | boolean | readonly number[] | readonly Dim[];
export type Attrs = Readonly<Record<string, AttrValue>>;

/** What the graph needs to know of an op; `compiler/ops` says the rest. */
export interface OpSignature {
  readonly name: string;
  /** Type of the result. Throws `ShapeProblem` when the operands do not fit. */
  shape(inputs: readonly TensorType[], attrs: Attrs): TensorType;
}

export interface Node {
  readonly id: number;
  readonly op: OpSignature;
  readonly inputs: readonly Node[];
  readonly attrs: Attrs;
  readonly type: TensorType;
  readonly scope: Scope;
}

/** Where a node came from. */
export interface Origin {
  readonly span?: Span;
  /** The call that made it: `block.3.attn`; empty at the root. */
  readonly path?: string;
  /** The pass that made it. */
  readonly pass?: string;
}

/** Hands out the nodes of a graph and of all graphs rebuilt from it. */
export interface Scope {
  readonly interned: Map<string, Node>;
  readonly origins: WeakMap<Node, Origin>;
  /** Given to nodes made from now on. */
  origin: Origin;
}

export function newScope(): Scope {
  return { interned: new Map(), origins: new WeakMap(), origin: {} };
}

/** An attribute as text; what interning compares and the printer writes. */
export function attrText(value: AttrValue): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : numberText(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  return `[${value.map((v) => (typeof v === "number" ? numberText(v) : dimText(v))).join(", ")}]`;
}

/** A number so that it reads back exactly; infinities as `inf` and `-inf`. */
export function numberText(x: number): string {
  if (x === Number.POSITIVE_INFINITY) return "inf";
  if (x === Number.NEGATIVE_INFINITY) return "-inf";
  return Number.isNaN(x) ? "nan" : String(x);
}

function attrsText(attrs: Attrs): string {
  const keys = Object.keys(attrs);
  return keys.length === 0 ? "" : textOf(attrs, keys);
}

function textOf(attrs: Attrs, keys: string[]): string {
  return keys
    .sort()
    .map((key) => `${key}=${attrText(attrs[key]!)}`)
    .join(";");
}

/** The node of `op` on `inputs`: the existing one, or a new one. */
export function makeNode(
  scope: Scope,
  op: OpSignature,
  inputs: readonly Node[],
  attrs: Attrs,
): Node {
  for (const input of inputs) {
    invariant(input.scope === scope, `${op.name} mixes nodes of two graphs`);
  }
  const key = `${op.name}(${inputs.map((n) => n.id).join(",")}){${attrsText(attrs)}}`;
  const existing = scope.interned.get(key);
  if (existing !== undefined) return existing;
  const type = op.shape(
    inputs.map((n) => n.type),
    attrs,
  );
  const node: Node = Object.freeze({
    id: scope.interned.size,
    op,
    inputs: Object.freeze([...inputs]),
    attrs: Object.freeze({ ...attrs }),
    type,
    scope,
  });
  scope.interned.set(key, node);
  scope.origins.set(node, scope.origin);
  return node;
}

export function originOf(node: Node): Origin {
  return node.scope.origins.get(node) ?? {};
}

/** Runs `body` with `origin` merged into the origin that new nodes get. */
export function withOrigin<T>(scope: Scope, origin: Origin, body: () => T): T {
  const before = scope.origin;
  scope.origin = { ...before, ...origin };
  try {
    return body();
  } finally {
    scope.origin = before;
  }
}
