/**
 * Every place of a file where a name stands, and what the name means there: for editors.
 *
 * The scopes are those of `body_names.ts`: arguments and parameters for the whole body, a value where it
 * is first assigned and in each `repeat` below, dimensions and hyper-parameters for the whole file.
 */
import type { Span } from "../compiler/support/source.ts";
import type * as ast from "./ast.ts";
import { hyperParameters } from "./hyper_parameters.ts";
import { partsOf, segmentOf } from "./instances.ts";
import type { Callee, LayerRef, Library } from "./library.ts";

export type SymbolKind =
  | "dimension"
  | "hyper-parameter"
  | "layer"
  | "model"
  | "train"
  | "argument"
  | "parameter"
  | "value"
  | "call"
  | "op";

/** What a name means; one object for all places of one meaning. */
export interface NameSymbol {
  readonly kind: SymbolKind;
  readonly name: string;
  /** Where it is defined, in this file or in the library; undefined for what the language has built in. */
  readonly definition: Span | undefined;
  /** The layer it names or calls. */
  readonly layer?: LayerRef;
}

export interface Occurrence {
  readonly span: Span;
  readonly symbol: NameSymbol;
}

interface Walk {
  readonly library: Library;
  readonly found: Occurrence[];
  /** Dimensions, hyper-parameters and items of the file. */
  readonly file: Map<string, NameSymbol>;
  readonly layers: Map<ast.LayerItem, NameSymbol>;
  readonly ops: Map<string, NameSymbol>;
  /** Innermost last. */
  scopes: Map<string, NameSymbol>[];
  instances: Map<string, NameSymbol>[];
}

/** The places of a file in the order of the text. What is not known has none. */
export function occurrencesOf(file: ast.File, library: Library): readonly Occurrence[] {
  const walk: Walk = {
    ...{ library, found: [], file: new Map(), layers: new Map(), ops: new Map() },
    ...{ scopes: [], instances: [] },
  };
  for (const { name } of hyperParameters) {
    walk.file.set(name, { kind: "hyper-parameter", name, definition: undefined });
  }
  for (const item of file.items) {
    if (item.kind === "dims" || item.kind === "set") header(walk, item);
  }
  for (const item of file.items) {
    if (item.kind === "layer" || item.kind === "model" || item.kind === "train") body(walk, item);
  }
  return walk.found.sort((a, b) => a.span.start - b.span.start);
}

function see(walk: Walk, span: Span, symbol: NameSymbol | undefined): void {
  if (symbol !== undefined) walk.found.push({ span, symbol });
}

function declare(
  names: Map<string, NameSymbol>,
  walk: Walk,
  kind: SymbolKind,
  { text, span }: ast.Name,
  layer?: LayerRef,
): void {
  const symbol: NameSymbol = {
    ...{ kind, name: text, definition: span },
    ...(layer === undefined ? {} : { layer }),
  };
  names.set(text, symbol);
  see(walk, span, symbol);
}

function header(walk: Walk, item: ast.DimsItem | ast.SetItem): void {
  for (const { name, value } of item.bindings) {
    expression(walk, value);
    if (item.kind === "dims") declare(walk.file, walk, "dimension", name);
    else see(walk, name.span, walk.file.get(name.text));
  }
}

function body(walk: Walk, item: ast.LayerItem | ast.TrainItem): void {
  walk.scopes = [new Map()];
  walk.instances = [new Map()];
  const own = walk.scopes[0]!;
  if (item.kind === "train") {
    declare(new Map(), walk, "train", item.name);
  } else {
    see(walk, item.name.span, layerSymbol(walk, { item, isStd: false }));
    for (const variable of item.variables) declare(own, walk, "dimension", variable);
  }
  for (const { name, type } of item.args) {
    typeExpr(walk, type);
    declare(own, walk, "argument", name);
  }
  if (item.kind !== "train") typeExpr(walk, item.result);
  statements(walk, item.body);
}

function layerSymbol(walk: Walk, layer: LayerRef): NameSymbol {
  const { item } = layer;
  const known = walk.layers.get(item);
  if (known !== undefined) return known;
  const { text: name, span: definition } = item.name;
  const symbol: NameSymbol = { kind: item.kind, name, definition, layer };
  walk.layers.set(item, symbol);
  return symbol;
}

function statements(walk: Walk, list: readonly ast.Statement[]): void {
  for (const statement of list) {
    switch (statement.kind) {
      case "param":
        typeExpr(walk, statement.type);
        if (statement.init?.value !== undefined) expression(walk, statement.init.value);
        declare(walk.scopes[0]!, walk, "parameter", statement.name);
        break;
      case "assign":
        expression(walk, statement.value);
        if (known(walk, statement.target.text) === undefined) {
          declare(walk.scopes.at(-1)!, walk, "value", statement.target);
        } else see(walk, statement.target.span, known(walk, statement.target.text));
        break;
      case "repeat":
        expression(walk, statement.count);
        walk.scopes.push(new Map());
        walk.instances.push(new Map());
        statements(walk, statement.body);
        walk.scopes.pop();
        walk.instances.pop();
        break;
      case "return":
      case "loss":
        expression(walk, statement.value);
        break;
      case "broken":
        break;
      default:
        statement satisfies never;
    }
  }
}

function known(walk: Walk, name: string): NameSymbol | undefined {
  return walk.scopes.findLast((scope) => scope.has(name))?.get(name);
}

function use(walk: Walk, name: string, span: Span): void {
  see(walk, span, known(walk, name) ?? walk.file.get(name));
}

function typeExpr(walk: Walk, type: ast.TypeExpr): void {
  dims(walk, type.dims);
}

function dims(walk: Walk, list: readonly ast.DimExpr[]): void {
  for (const { factors } of list) {
    for (const f of factors) if (f.kind === "name") use(walk, f.name, f.span);
  }
}

function expression(walk: Walk, expr: ast.Expr): void {
  for (const part of partsOf(expr)) expression(walk, part);
  if (expr.kind === "name") use(walk, expr.name, expr.span);
  else if (expr.kind === "member") member(walk, expr.path);
  else if (expr.kind === "call") call(walk, expr);
  else if (expr.kind === "as") dims(walk, expr.dims);
}

function call(walk: Walk, expr: ast.CallExpr): void {
  const { callee, label, builtin } = expr;
  const meaning = walk.library.resolve(callee.text, { builtin, isStd: false });
  if (meaning === undefined) return;
  if (meaning.kind !== "layer") {
    see(walk, callee.span, opSymbol(walk, callee.text, meaning));
    return;
  }
  const { layer } = meaning;
  see(walk, callee.span, layerSymbol(walk, layer));
  const instance: NameSymbol = {
    ...{ kind: "call", name: segmentOf(expr), definition: (label ?? callee).span, layer },
  };
  walk.instances.at(-1)!.set(instance.name, instance);
  if (label !== undefined) see(walk, label.span, instance);
}

function opSymbol(walk: Walk, name: string, meaning: Callee): NameSymbol | undefined {
  if (meaning.kind === "layer") return undefined;
  const before = walk.ops.get(name);
  const symbol = before ?? { kind: "op" as const, name, definition: undefined };
  walk.ops.set(name, symbol);
  return symbol;
}

/** `embed.weight`: a call before it, calls inside that, and at last a parameter. */
function member(walk: Walk, path: readonly ast.Name[]): void {
  const [first, ...rest] = path;
  let instance = walk.instances.findLast((level) => level.has(first!.text))?.get(first!.text);
  see(walk, first!.span, instance);
  for (const [i, name] of rest.entries()) {
    const inside = instance?.layer;
    if (inside === undefined) return;
    instance = i < rest.length - 1 ? callNamed(walk, inside, name.text) : undefined;
    see(walk, name.span, instance ?? parameterNamed(walk, inside, name.text));
  }
}

function callNamed(walk: Walk, { item, isStd }: LayerRef, name: string): NameSymbol | undefined {
  const before = walk.found.length;
  const { scopes, instances } = walk;
  walk.scopes = [new Map()];
  walk.instances = [new Map()];
  if (!isStd) statements(walk, item.body);
  const symbol = walk.instances[0]!.get(name);
  walk.found.length = before;
  walk.scopes = scopes;
  walk.instances = instances;
  return symbol;
}

/** The symbol of a parameter of a layer of this file, if it was seen; else a new one. */
function parameterNamed(walk: Walk, { item }: LayerRef, name: string): NameSymbol | undefined {
  for (const statement of item.body) {
    if (statement.kind !== "param" || statement.name.text !== name) continue;
    const definition = statement.name.span;
    const seen = walk.found.find((o) => o.symbol.definition === definition);
    return seen?.symbol ?? { kind: "parameter", name, definition };
  }
  return undefined;
}
