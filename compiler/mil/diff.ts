/**
 * How two MIL programs differ, statement by statement.
 *
 *     diffMil(a, b).changes.length === 0     the same, up to names, labels and spelling
 *
 * Statements that compute the same belong together first, then those that read alike, then those of
 * one op, then those of one type; so a new op in the middle does not make all behind it look changed. Names
 * are followed through these pairs: an argument is the same when it stands for the same statement.
 */
import { align, type Pair } from "./diff_align.ts";
import {
  attributesOf,
  type Keys,
  keysOf,
  type Numbering,
  newNumbering,
  typeKey,
  valueText,
} from "./diff_keys.ts";
import { printType, printValue } from "./print.ts";
import {
  type Attribute,
  type Binding,
  find,
  type MilFunction,
  type MilProgram,
  type Statement,
  type Value,
} from "./tree.ts";

/** What of a statement, function or program differs. */
export interface Detail {
  readonly part:
    | "version"
    | "op"
    | "function"
    | "opset"
    | "attribute"
    | "argument"
    | "input"
    | "output"
    | "name"
    | "type";
  /** Of the attribute, argument, result or port; empty where there is only one. */
  readonly name: string;
  /** As MIL spells it; undefined where the program has none. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** A difference; `function` is the first program's name of it. */
export type Change = { readonly function: string } & (
  | { readonly kind: "removed"; readonly from: Statement }
  | { readonly kind: "added"; readonly to: Statement }
  | { readonly kind: "moved"; readonly from: Statement; readonly to: Statement }
  | {
      readonly kind: "changed";
      readonly from: Statement;
      readonly to: Statement;
      readonly details: readonly Detail[];
    }
  /** Something that is not a statement; `function` is empty for the program. */
  | { readonly kind: "header"; readonly details: readonly Detail[] }
);

/** A function or port that has another name and is otherwise the same. */
export interface Renaming {
  readonly function: string;
  readonly what: "function" | "input" | "output";
  readonly from: string;
  readonly to: string;
}

export interface MilDiff {
  /** In the order of the programs. */
  readonly changes: readonly Change[];
  readonly renamed: readonly Renaming[];
}

/** What changes from program `a` to program `b`. */
export function diffMil(a: MilProgram, b: MilProgram): MilDiff {
  const changes: Change[] = [];
  const renamed: Renaming[] = [];
  const header = [...detailOf("version", "", a.version, b.version), ...attributes(a, b)];
  const pairs = functionPairs(a, b);
  const [inA, inB] = [0, 1].map((side) => new Set(pairs.map((pair) => pair[side]!))) as [
    Set<MilFunction>,
    Set<MilFunction>,
  ];
  for (const f of a.functions.filter((g) => !inA.has(g)))
    header.push(...detailOf("function", "", f.name, undefined));
  for (const f of b.functions.filter((g) => !inB.has(g)))
    header.push(...detailOf("function", "", undefined, f.name));
  if (header.length > 0) changes.push({ kind: "header", function: "", details: header });
  const number = newNumbering();
  for (const [f, g] of pairs) {
    if (f.name !== g.name)
      renamed.push({ function: f.name, what: "function", from: f.name, to: g.name });
    diffFunction(f, g, number, changes, renamed);
  }
  return { changes, renamed };
}

/** Functions of one name; where one is left of each program, these two. */
function functionPairs(a: MilProgram, b: MilProgram): (readonly [MilFunction, MilFunction])[] {
  const left = new Map(b.functions.map((g) => [g.name, g]));
  const alone: MilFunction[] = [];
  const pairs: (readonly [MilFunction, MilFunction])[] = [];
  for (const f of a.functions) {
    const g = left.get(f.name);
    left.delete(f.name);
    if (g === undefined) alone.push(f);
    else pairs.push([f, g]);
  }
  const [other] = left.values();
  if (alone.length === 1 && left.size === 1) pairs.push([alone[0]!, other!]);
  return pairs;
}

function diffFunction(
  f: MilFunction,
  g: MilFunction,
  number: Numbering,
  changes: Change[],
  renamed: Renaming[],
): void {
  const ports = inputPairs(f.inputs, g.inputs, number);
  const keys = [
    keysOf(f, inputKeys(f, ports, 0, number), number),
    keysOf(g, inputKeys(g, ports, 1, number), number),
  ] as const;
  const pairs = inStages(stagesOf(keys[0]), stagesOf(keys[1]));
  const names = new Map(ports.map(([i, j]) => [f.inputs[i]!.name, g.inputs[j]!.name]));
  for (const [i, j] of pairs) {
    for (const [k, { name }] of f.body[i]!.results.entries()) {
      const other = g.body[j]!.results[k]?.name;
      if (other !== undefined) names.set(name, other);
    }
  }
  const idOf = (side: 0 | 1, name: string): number | string => keys[side].values.get(name) ?? name;
  const isSame: Same = (x, y) => names.get(x) === y || idOf(0, x) === idOf(1, y);

  const details = [...detailOf("opset", "", f.opset, g.opset), ...attributes(f, g)];
  details.push(...inputDetails(f, g, ports));
  for (let i = 0; i < Math.max(f.outputs.length, g.outputs.length); i++) {
    const [x, y] = [f.outputs[i]?.name, g.outputs[i]?.name];
    if (x === undefined || y === undefined || !isSame(x, y))
      details.push({ part: "output", name: `${i}`, from: x, to: y });
    else if (x !== y) renamed.push({ function: f.name, what: "output", from: x, to: y });
  }
  for (const [i, j] of ports) {
    const [from, to] = [f.inputs[i]!.name, g.inputs[j]!.name];
    if (from !== to) renamed.push({ function: f.name, what: "input", from, to });
  }
  if (details.length > 0) changes.push({ kind: "header", function: f.name, details });
  changes.push(...bodyChanges(f, g, keys, pairs, isSame));
}

/** The statements that are not in both, and the pairs that differ, as one list in order. */
function bodyChanges(
  f: MilFunction,
  g: MilFunction,
  keys: readonly [Keys, Keys],
  pairs: readonly Pair[],
  isSame: Same,
): Change[] {
  const out: Change[] = [];
  const moved = movedTo(keys, pairs);
  const arrived = new Set(moved.values());
  let [i, j] = [0, 0];
  for (const [x, y] of [...pairs, [f.body.length, g.body.length] as const]) {
    for (; i < x; i++) {
      const to = moved.get(i);
      const from = f.body[i]!;
      if (to === undefined) out.push({ kind: "removed", function: f.name, from });
      else out.push({ kind: "moved", function: f.name, from, to: g.body[to]! });
    }
    for (; j < y; j++)
      if (!arrived.has(j)) out.push({ kind: "added", function: f.name, to: g.body[j]! });
    const [from, to] = [f.body[x], g.body[y]];
    const isEqual = keys[0].deep[x] === keys[1].deep[y];
    if (from !== undefined && to !== undefined && !isEqual) {
      const details = statementDetails(from, to, isSame);
      if (details.length > 0) out.push({ kind: "changed", function: f.name, from, to, details });
    }
    [i, j] = [x + 1, y + 1];
  }
  return out;
}

/** Statements outside the pairs that compute the same at another place. */
function movedTo([a, b]: readonly [Keys, Keys], pairs: readonly Pair[]): Map<number, number> {
  const paired = [0, 1].map((side) => new Set(pairs.map((p) => p[side]!))) as [
    Set<number>,
    Set<number>,
  ];
  const places = new Map<number, number[]>();
  for (const [j, key] of b.deep.entries()) {
    if (paired[1].has(j)) continue;
    const list = places.get(key);
    if (list === undefined) places.set(key, [j]);
    else list.push(j);
  }
  for (const list of places.values()) list.reverse();
  const out = new Map<number, number>();
  for (const [i, key] of a.deep.entries()) {
    const j = paired[0].has(i) ? undefined : places.get(key)?.pop();
    if (j !== undefined) out.set(i, j);
  }
  return out;
}

const stagesOf = ({ deep, shallow, kind, form }: Keys): Stages => [deep, shallow, kind, form];

/** Keys of a list's items, from what says most to what says least. */
type Stages = readonly (readonly number[])[];

/** Pairs by the first keys, then between them by the next ones. */
function inStages(a: Stages, b: Stages): Pair[] {
  let pairs: Pair[] = [];
  for (const [stage, keys] of a.entries()) {
    const all: Pair[] = [];
    let [i, j] = [0, 0];
    for (const [x, y] of [...pairs, [keys.length, b[stage]!.length] as const]) {
      const found = align(keys.slice(i, x), b[stage]!.slice(j, y));
      for (const [p, q] of found) all.push([i + p, j + q]);
      if (x < keys.length || y < b[stage]!.length) all.push([x, y]);
      [i, j] = [x + 1, y + 1];
    }
    pairs = all;
  }
  return pairs;
}

/** Inputs in order where their types are in order; else by name and type, and then by type. */
function inputPairs(a: readonly Binding[], b: readonly Binding[], number: Numbering): Pair[] {
  const types = (list: readonly Binding[]): number[] => list.map((i) => number(typeKey(i.type)));
  const [p, q] = [types(a), types(b)];
  if (p.length === q.length && p.every((key, i) => key === q[i])) return p.map((_, i) => [i, i]);
  const stages = (list: readonly Binding[], keys: readonly number[]): Stages => [
    list.map((i, k) => number(`${keys[k]} ${i.name}`)),
    list.map((i) => number(i.name)),
    keys,
  ];
  return inStages(stages(a, p), stages(b, q));
}

function inputKeys(
  f: MilFunction,
  pairs: readonly Pair[],
  side: 0 | 1,
  number: Numbering,
): number[] {
  const keys = f.inputs.map((_, i) => number(`input ${i} of ${side}`));
  for (const [k, pair] of pairs.entries()) keys[pair[side]] = number(`input ${k}`);
  return keys;
}

function inputDetails(f: MilFunction, g: MilFunction, pairs: readonly Pair[]): Detail[] {
  const text = ({ type, name }: Binding): string => `${printType(type)} ${name}`;
  const out: Detail[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...pairs, [f.inputs.length, g.inputs.length] as const]) {
    for (; i < x; i++)
      out.push(...detailOf("input", f.inputs[i]!.name, text(f.inputs[i]!), undefined));
    for (; j < y; j++)
      out.push(...detailOf("input", g.inputs[j]!.name, undefined, text(g.inputs[j]!)));
    const [from, to] = [f.inputs[x], g.inputs[y]];
    if (from !== undefined && to !== undefined && typeKey(from.type) !== typeKey(to.type))
      out.push(...detailOf("type", from.name, printType(from.type), printType(to.type)));
    [i, j] = [x + 1, y + 1];
  }
  return out;
}

/** Whether a name of the first function and one of the second stand for the same value. */
type Same = (a: string, b: string) => boolean;

/** How two statements of a pair differ. */
function statementDetails(from: Statement, to: Statement, isSame: Same): Detail[] {
  const out = detailOf("op", "", from.op, to.op);
  out.push(...detailOf("opset", "", from.opset, to.opset));
  for (let i = 0; i < Math.max(from.results.length, to.results.length); i++) {
    const [x, y] = [from.results[i], to.results[i]];
    if (x !== undefined && y !== undefined && typeKey(x.type) === typeKey(y.type)) continue;
    const [p, q] = [x, y].map((r) => (r === undefined ? undefined : printType(r.type)));
    out.push({ part: "type", name: (x ?? y)!.name, from: p, to: q });
  }
  out.push(...listDetails("argument", from.args, to.args, isSame));
  return [...out, ...listDetails("attribute", attributesOf(from), attributesOf(to), isSame)];
}

function attributes(
  a: { readonly attributes: readonly Attribute[] },
  b: { readonly attributes: readonly Attribute[] },
): Detail[] {
  return listDetails("attribute", a.attributes, b.attributes, (x, y) => x === y);
}

function listDetails(
  part: "argument" | "attribute",
  a: readonly Attribute[],
  b: readonly Attribute[],
  isSame: Same,
): Detail[] {
  const names = new Set([...a, ...b].map((item) => item.name));
  return [...names].flatMap((name): Detail[] => {
    const [x, y] = [find(a, name)?.value, find(b, name)?.value];
    if (x !== undefined && y !== undefined && sameValue(x, y, isSame)) return [];
    const [from, to] = [x, y].map((v) => (v === undefined ? undefined : printValue(v)));
    const isInput = part === "argument" && [x, y].some((v) => v !== undefined && hasName(v));
    return [{ part: isInput ? "input" : part, name, from, to }];
  });
}

function sameValue(a: Value, b: Value, isSame: Same): boolean {
  if (a.kind === "name" && b.kind === "name") return isSame(a.name, b.name);
  const lists = a.kind === b.kind && (a.kind === "tuple" || a.kind === "list");
  if (lists && (b.kind === "tuple" || b.kind === "list") && hasName(a)) {
    const { items } = b;
    return (
      a.items.length === items.length &&
      a.items.every((item, i) => sameValue(item, items[i]!, isSame))
    );
  }
  // A name is not a literal, whatever it is called.
  const text = (v: Value): string => valueText(v, (name) => `#${name}`);
  return !hasName(a) && !hasName(b) && text(a) === text(b);
}

function hasName(value: Value): boolean {
  if (value.kind === "name") return true;
  return (value.kind === "tuple" || value.kind === "list") && value.items.some(hasName);
}

/** The difference of two texts as a list, empty if there is none. */
function detailOf(
  part: Detail["part"],
  name: string,
  from: string | undefined,
  to: string | undefined,
): Detail[] {
  return from === to ? [] : [{ part, name, from, to }];
}
