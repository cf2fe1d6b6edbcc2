/**
 * Rewrites programs statement by statement: what fixes are made of.
 *
 * A rewriter gives the statements that stand for one; the last one defines the old name, so that
 * nothing else changes. Plain values become named constants, which every way into the engine takes.
 */
import { hexFloat } from "../../mil/numbers.ts";
import {
  type Argument,
  type Binding,
  type Dim,
  type ElementType,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  sameTree,
  stringValue,
  type TypedValue,
  typed,
  typeOf,
  type Value,
} from "../../mil/tree.ts";
import type { Fix, ProgramContext } from "./define.ts";
import { type MilView, namesIn, type Site } from "./walk.ts";

/**
 * A name or literal, or a plain value: a list is int32 or bool, a number has the element type of
 * the result, or fp16 where that is bool.
 */
export type Plain = Value | number | boolean | string | readonly number[] | readonly boolean[];

/** Adds statements in front of the one that is replaced. */
export interface Emitter {
  /** `element[shape] name = op(args)`; returns the name. Without a name, a fresh one like `op`. */
  add(
    op: string,
    type: { readonly element: ElementType; readonly shape: readonly Dim[] },
    args: Readonly<Record<string, Plain>>,
    name?: string,
  ): Value;
  /** A constant with a fresh name like `wish`. */
  constant(wish: string, value: TypedValue): Value;
}

/** Replaces a statement by what it emits, or returns false and leaves it. */
export type Rewriter = (site: Site, emit: Emitter) => boolean | undefined;

/** One integer as a literal. */
export function whole(n: number): Value {
  return typed(typeOf("int32", []), { kind: "number", text: String(n) });
}

/** One number as a literal of an element type, which may be an integer one. */
export function number(n: number, element: ElementType): Value {
  if (element === "bool") return float(n, "fp16");
  return /int/.test(element)
    ? typed(typeOf(element, []), { kind: "number", text: String(n) })
    : float(n, element);
}

/** One floating-point number as a literal of an element type. */
export function float(n: number, element: ElementType): Value {
  return typed(typeOf(element, []), { kind: "number", text: hexFloat(n) });
}

export function nameValue(name: string): Value {
  return { kind: "name", name };
}

/** The program with each function changed by `change`; the same program if none is. */
export function mapFunctions(
  { program, functions }: ProgramContext,
  change: (view: MilView) => MilFunction,
): MilProgram {
  const made = functions.map(change);
  return made.every((f, i) => f === program.functions[i])
    ? program
    : { ...program, functions: made };
}

/** Whether int32, as which shapes are written, holds a dimension. */
export function isWritable(n: Dim): boolean {
  return n !== "?" && n < 2 ** 31;
}

/**
 * Whether a dimension of a result or operand is known only when the program runs, or passes int32.
 * What would stand for such a statement cannot be written.
 */
function hasOddSizes({ view, s }: Site): boolean {
  const read = s.args.flatMap((a) => namesIn(a.value)).map((name) => view.types.get(name));
  return [...read, ...s.results.map((r) => r.type)].some(
    (type) => type?.kind === "tensor" && !type.shape.every(isWritable),
  );
}

/** A fix that replaces statements; those of odd sizes stay. */
export function replacing(rewrite: Rewriter): Fix {
  return (c) =>
    mapFunctions(c, (view) => {
      const fresh = freshNames(view.f);
      let changed = false;
      const body = view.f.body.flatMap((s) => {
        const { emit, statements } = emitter(fresh);
        if (hasOddSizes({ view, s }) || rewrite({ view, s }, emit) !== true) return [s];
        changed = true;
        return statements;
      });
      return changed ? { ...view.f, body: withoutOrphans(view, body) } : view.f;
    });
}

/** Without the constants that only replaced statements read. */
function withoutOrphans(view: MilView, body: readonly Statement[]): readonly Statement[] {
  const read = new Set(body.flatMap((s) => s.args.flatMap((a) => namesIn(a.value))));
  const isOrphan = ({ op, results: [r] }: Statement): boolean =>
    op === "const" &&
    r !== undefined &&
    view.users.has(r.name) &&
    !read.has(r.name) &&
    !view.outputs.has(r.name);
  return body.filter((s) => !isOrphan(s));
}

/** A source of names that the function does not have. */
export function freshNames(f: MilFunction): (wish: string) => string {
  const taken = new Set([
    ...f.inputs.map((i) => i.name),
    ...f.body.flatMap((s) => s.results.map((r) => r.name)),
  ]);
  // What was taken stays taken, so that a wish goes on where it stopped.
  const reached = new Map<string, number>();
  return (wish) => {
    let name = wish;
    let n = reached.get(wish) ?? 1;
    for (; taken.has(name); n++) name = `${wish}_${n}`;
    reached.set(wish, n);
    taken.add(name);
    return name;
  };
}

/** An emitter and the list it writes to. */
export function emitter(fresh: (wish: string) => string): {
  readonly emit: Emitter;
  readonly statements: Statement[];
} {
  const statements: Statement[] = [];
  const put = (binding: Binding, op: string, args: Record<string, Value>, val?: Value): Value => {
    const named = { name: "name", value: stringValue(binding.name) };
    statements.push({
      results: [binding],
      op,
      args: Object.entries(args).map(([name, value]) => ({ name, value })),
      attributes: val === undefined ? [named] : [named, { name: "val", value: val }],
    });
    return nameValue(binding.name);
  };
  const constant: Emitter["constant"] = (wish, value) =>
    put({ type: value.type, name: fresh(wish) }, "const", {}, value);
  const emit: Emitter = {
    constant,
    add(op, { element, shape }, args, name) {
      const given = Object.entries(args).map(([key, plain]): [string, Value] => {
        const value = literal(plain, element);
        return [key, value.kind === "typed" ? constant(`${name ?? op}_${key}`, value) : value];
      });
      const type: MilType = typeOf(element, shape);
      return put({ type, name: name ?? fresh(op) }, op, Object.fromEntries(given));
    },
  };
  return { emit, statements };
}

function literal(plain: Plain, element: ElementType): Value {
  if (typeof plain === "number") return number(plain, element);
  if (typeof plain === "string") return stringValue(plain);
  if (typeof plain === "boolean") {
    return typed(typeOf("bool", []), { kind: "bool", value: plain });
  }
  if (!isList(plain)) return plain;
  const items = plain.map(
    (n): Value =>
      typeof n === "boolean" ? { kind: "bool", value: n } : { kind: "number", text: String(n) },
  );
  const kind = typeof plain[0] === "boolean" ? "bool" : "int32";
  return typed(typeOf(kind, [plain.length]), { kind: "list", items });
}

type PlainList = readonly number[] | readonly boolean[];

function isList(plain: Value | PlainList): plain is PlainList {
  return Array.isArray(plain);
}

/** A statement with one argument changed or added; undefined takes it away. */
export function withArgument(s: Statement, name: string, value: Value | undefined): Statement {
  const args = s.args.filter((a) => a.name !== name);
  const attributes = s.attributes.filter((a) => a.name !== name);
  return { ...s, attributes, args: value === undefined ? args : [...args, { name, value }] };
}

/** A value with names replaced. */
export function renamed(value: Value, names: ReadonlyMap<string, string>): Value {
  if (value.kind === "name") return nameValue(names.get(value.name) ?? value.name);
  if (value.kind !== "tuple" && value.kind !== "list") return value;
  return { ...value, items: value.items.map((item) => renamed(item, names)) };
}

/** A statement that defines other names; its own `name` goes with its first result. */
export function definingOthers(s: Statement, names: ReadonlyMap<string, string>): Statement {
  const first = s.results[0]?.name ?? "";
  const other = names.get(first);
  if (s.results.every((r) => !names.has(r.name))) return s;
  const isLabel = ({ name, value }: Argument): boolean =>
    name === "name" && other !== undefined && sameTree(value, stringValue(first));
  return {
    ...s,
    results: s.results.map((r) => ({ ...r, name: names.get(r.name) ?? r.name })),
    attributes: s.attributes.map((a) =>
      isLabel(a) ? { name: "name", value: stringValue(other!) } : a,
    ),
  };
}

/** A statement that reads other names. */
export function readingOthers(s: Statement, names: ReadonlyMap<string, string>): Statement {
  return { ...s, args: s.args.map((a) => ({ ...a, value: renamed(a.value, names) })) };
}
