/** Names inside one body: values, calls, instances, attributes, and the place of each statement. */
import * as names from "../compiler/messages/names.ts";
import * as syntax from "../compiler/messages/syntax.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { Span } from "../compiler/support/source.ts";
import type { CallExpr, Expr, LayerItem, Statement, TrainItem } from "./ast.ts";
import { builtIns, operandCount, signatureOf } from "./functions.ts";
import { CALLS, habitNamed, MEMBERS, SELF } from "./habits.ts";
import { calledLayers, forEachStatement, partsOf, segmentOf } from "./instances.ts";
import type { LayerRef, Library } from "./library.ts";
import { typeExprText } from "./signatures.ts";
import { checkDims, checkType, type TypeChecker } from "./type_names.ts";

export interface BodyChecker extends TypeChecker {
  /** Takes what is never used: said only of a file without mistakes, which make much look unused. */
  readonly unused: Diagnostic[];
  readonly library: Library;
  readonly isStd: boolean;
  /** Dimensions that a layer of the library needs and the file lacks. */
  readonly missingInStd: (layer: LayerRef) => readonly string[];
}

interface Known {
  readonly what: "argument" | "parameter" | "value";
  readonly span: Span;
  isUsed: boolean;
}

interface Walk extends BodyChecker {
  readonly item: LayerItem | TrainItem;
  readonly variables: ReadonlySet<string>;
  /** Innermost `repeat` last. */
  readonly scopes: Map<string, Known>[];
  readonly instances: Map<string, LayerRef>[];
  /** All that was ever known, for what is unused and for hints. */
  readonly all: Map<string, Known>;
}

const INIT_KINDS = ["uniform", "normal", "constant", "ones", "zeros"] as const;

export function checkBody(
  item: LayerItem | TrainItem,
  variables: ReadonlySet<string>,
  checker: BodyChecker,
): void {
  const scopes = [new Map<string, Known>()];
  const walk: Walk = {
    ...checker,
    item,
    variables,
    scopes,
    instances: [new Map()],
    all: new Map(),
  };
  for (const { name } of item.args) declare(walk, "argument", name.text, name.span);
  statements(walk, item.body, false);

  const keyword = item.kind === "train" ? "loss" : "return";
  const hasResult = item.body.some((s) => s.kind === keyword || s.kind === "broken");
  if (!hasResult)
    checker.reporter.report(
      names.missingResult(item.name.span, item.kind, item.name.text, keyword),
    );
  for (const [name, { what, span, isUsed }] of walk.all) {
    if (!isUsed) checker.unused.push(names.unused(span, what, name));
  }
}

function declare(walk: Walk, what: Known["what"], name: string, span: Span): void {
  const { reporter, header, variables, scopes, all } = walk;
  const scope = what === "value" ? scopes.at(-1)! : scopes[0]!;
  if (header.dims.has(name) && !walk.isStd) {
    reporter.report(names.definedTwice(span, what, name, undefined));
  } else if (variables.has(name)) {
    reporter.report(names.definedTwice(span, what, name, undefined));
  } else if (scope.has(name)) {
    reporter.report(names.definedTwice(span, what, name, scope.get(name)!.span));
  }
  const known: Known = { what, span, isUsed: false };
  scope.set(name, known);
  if (!all.has(name)) all.set(name, known);
}

function statements(walk: Walk, body: readonly Statement[], inRepeat: boolean): void {
  let ended = false;
  for (const statement of body) {
    if (ended && statement.kind !== "broken") {
      const title = "nothing after the result is ever reached";
      walk.reporter.report(syntax.misplacedStatement(statement.span, title, "put the result last"));
      return;
    }
    check(walk, statement, inRepeat);
    ended = statement.kind === "return" || statement.kind === "loss";
  }
}

function misplaced(walk: Walk, span: Span, title: string, help: string): void {
  walk.reporter.report(syntax.misplacedStatement(span, title, help));
}

function check(walk: Walk, statement: Statement, inRepeat: boolean): void {
  const keyword = walk.item.kind === "train" ? "loss" : "return";
  switch (statement.kind) {
    case "param":
      if (inRepeat) {
        misplaced(
          walk,
          statement.name.span,
          "`param` cannot stand inside `repeat`",
          "put it into a layer and call that in the `repeat`",
        );
      }
      checkParam(walk, statement);
      return;
    case "assign":
      expression(walk, statement.value);
      assignment(walk, statement);
      return;
    case "repeat":
      expression(walk, statement.count);
      walk.scopes.push(new Map());
      walk.instances.push(new Map());
      statements(walk, statement.body, true);
      walk.scopes.pop();
      walk.instances.pop();
      return;
    case "return":
    case "loss":
      expression(walk, statement.value);
      if (statement.kind !== keyword) {
        const help = `a ${walk.item.kind} ends with \`${keyword}\``;
        misplaced(
          walk,
          statement.span,
          `\`${statement.kind}\` cannot stand in a ${walk.item.kind}`,
          help,
        );
      } else if (inRepeat) {
        const help = "assign to a value given before the `repeat`, and end with it";
        misplaced(walk, statement.span, `\`${keyword}\` cannot stand inside \`repeat\``, help);
      }
      return;
    case "broken":
      return;
    default:
      statement satisfies never;
  }
}

function checkParam(walk: Walk, { name, type, init }: Statement & { kind: "param" }): void {
  checkType(type, false, walk.variables, walk);
  if (init !== undefined) {
    const kind = init.kind.text;
    const kinds: readonly string[] = INIT_KINDS;
    const takes = kind !== "ones" && kind !== "zeros";
    if (!kinds.includes(kind))
      walk.reporter.report(syntax.unknownInit(init.kind.span, kind, kinds));
    else if (takes !== (init.value !== undefined))
      walk.reporter.report(syntax.initValue(init.span, kind, takes));
    if (init.value !== undefined) expression(walk, init.value);
  }
  declare(walk, "parameter", name.text, name.span);
}

function assignment(walk: Walk, { target, op }: Statement & { kind: "assign" }): void {
  const { text, span } = target;
  const { dims, hyper } = walk.header;
  if (walk.variables.has(text) || (dims.has(text) && !walk.isStd)) {
    walk.reporter.report(names.assignedConstant(span, "dimension", text));
    return;
  }
  if (hyper.has(text)) {
    walk.reporter.report(names.assignedConstant(span, "hyper-parameter", text));
    return;
  }
  const known = walk.scopes.findLast((scope) => scope.has(text))?.get(text);
  if (known?.what === "parameter") {
    walk.reporter.report(names.assignedConstant(span, "parameter", text));
  } else if (known === undefined && op === "=") {
    declare(walk, "value", text, span);
  } else if (known === undefined) {
    unknown(walk, span, text);
  }
}

function unknown(walk: Walk, span: Span, name: string): void {
  walk.onUnknown?.(name);
  const values = walk.scopes.flatMap((scope) => [...scope.keys()]);
  const known = [
    ...values,
    ...walk.variables,
    ...walk.header.dims.keys(),
    ...walk.header.hyper.keys(),
  ];
  const before = walk.all.get(name);
  if (before !== undefined) {
    before.isUsed = true;
    walk.reporter.report(names.unknownName(span, name, known, "repeat"));
    return;
  }
  let isLater = false;
  forEachStatement(walk.item.body, (s) => {
    if (
      (s.kind === "assign" && s.target.text === name) ||
      (s.kind === "param" && s.name.text === name)
    )
      isLater = true;
  });
  walk.reporter.report(names.unknownName(span, name, known, isLater ? "later" : ""));
}

function use(walk: Walk, name: string, span: Span): void {
  const known = walk.scopes.findLast((scope) => scope.has(name))?.get(name);
  if (known !== undefined) known.isUsed = true;
  else if (
    !walk.variables.has(name) &&
    !walk.header.dims.has(name) &&
    !walk.header.hyper.has(name)
  ) {
    unknown(walk, span, name);
  }
}

function expression(walk: Walk, expr: Expr): void {
  for (const part of partsOf(expr)) expression(walk, part);
  if (expr.kind === "name") use(walk, expr.name, expr.span);
  else if (expr.kind === "member") member(walk, expr);
  else if (expr.kind === "call") call(walk, expr);
  else if (expr.kind === "as") checkDims(expr.dims, walk.variables, walk);
}

/** `embed.weight`: an instance called before, and a parameter below it. */
function member(walk: Walk, { path, span }: Expr & { kind: "member" }): void {
  const text = path.map((p) => p.text).join(".");
  const [first, ...rest] = path.map((p) => p.text);
  let layer = walk.instances.findLast((level) => level.has(first!))?.get(first!);
  if (layer === undefined) {
    const called = calledLayers(walk.library, walk.item.body, walk.isStd).map((c) =>
      segmentOf(c.call),
    );
    const isKnown = called.includes(first!);
    const why = isKnown
      ? `\`${first}\` is called elsewhere: after this place, or inside a \`repeat\`.`
      : `No call named \`${first}\` stands before it.`;
    const known = walk.instances
      .flatMap((level) => [...level.keys()])
      .map((name) => [name, ...rest].join("."));
    const habit = SELF.written.includes(first!) ? SELF : habitNamed(MEMBERS, rest.at(-1)!);
    walk.reporter.report(names.unknownParameter(span, text, why, known, habit?.help));
    return;
  }
  for (const [i, name] of rest.entries()) {
    const { item, isStd } = layer;
    const isLast = i === rest.length - 1;
    const params = item.body.flatMap((s) => (s.kind === "param" ? [s.name.text] : []));
    const calls: { segment: string; layer: LayerRef }[] = calledLayers(
      walk.library,
      item.body,
      isStd,
    ).map((c) => ({ segment: segmentOf(c.call), layer: c.layer }));
    const inner: LayerRef | undefined = calls.find((c) => c.segment === name)?.layer;
    if (isLast ? params.includes(name) : inner !== undefined) {
      layer = inner ?? layer;
      continue;
    }
    const found = isLast ? params : calls.map((c) => c.segment);
    const list = found.map((p) => `\`${p}\``).join(", ");
    const why =
      found.length === 0 ? `\`${item.name.text}\` has none.` : `\`${item.name.text}\` has ${list}.`;
    const prefix = path.slice(0, i + 1).map((p) => p.text);
    const known = found.map((p) => [...prefix, p].join("."));
    walk.reporter.report(names.unknownParameter(span, text, why, known));
    return;
  }
}

function call(walk: Walk, expr: CallExpr): void {
  const { callee: name, label, args, builtin } = expr;
  const { reporter, library, isStd } = walk;
  const callee = library.resolve(name.text, { builtin, isStd });
  if (callee === undefined) {
    const alias = [...builtIns.values()].find((b) => b.op === name.text)?.name;
    const options = { isOp: builtin, alias, way: habitNamed(CALLS, name.text)?.help };
    reporter.report(names.unknownCallee(name.span, name.text, library.callables, options));
    return;
  }
  const positional = args.filter((a) => a.name === undefined).length;
  const named = args.flatMap((a) => (a.name === undefined ? [] : [a.name]));
  const attributes = callee.kind === "op" ? callee.op.attributes : [];
  for (const { text, span } of named) {
    if (attributes.some((a) => a.name === text)) continue;
    reporter.report(
      names.unknownAttribute(
        span,
        name.text,
        text,
        attributes.map((a) => a.name),
      ),
    );
  }
  if (callee.kind !== "layer" && label !== undefined) {
    const span = { ...label.span, start: label.span.start - 1 };
    reporter.report(names.labelWithoutParameters(span, name.text));
  }
  if (callee.kind === "layer") {
    const { item } = callee.layer;
    const count = item.args.length;
    if (positional !== count && named.length === 0) {
      reporter.report(
        names.wrongArgumentCount(expr.span, name.text, String(count), positional, signature(item)),
      );
    }
    const missing = callee.layer.isStd && !isStd ? walk.missingInStd(callee.layer) : [];
    if (missing.length > 0) {
      reporter.report(
        names.libraryNeedsDimension(name.span, name.text, item.name.span.source.path, missing),
      );
    }
    walk.instances.at(-1)!.set(segmentOf(expr), callee.layer);
  } else if (callee.kind === "dimensions") {
    const count = callee.operands.length;
    if (positional !== count) {
      const text = `${name.text}(${callee.operands.join(", ")})`;
      reporter.report(
        names.wrongArgumentCount(expr.span, name.text, String(count), positional, text),
      );
    }
  } else {
    const count = operandCount(callee.op);
    if (!count.fits(positional)) {
      reporter.report(
        names.wrongArgumentCount(
          expr.span,
          name.text,
          count.text,
          positional,
          signatureOf(callee.op),
        ),
      );
    }
    for (const { name: attribute, fallback, example } of attributes) {
      if (fallback !== undefined || named.some((n) => n.text === attribute)) continue;
      reporter.report(names.missingAttribute(expr.span, name.text, attribute, example ?? ""));
    }
  }
}

function signature(item: LayerItem): string {
  const args = item.args.map((a) => `${a.name.text}: ${typeExprText(a.type)}`).join(", ");
  const variables =
    item.variables.length === 0 ? "" : `<${item.variables.map((v) => v.text).join(", ")}>`;
  return `${item.kind} ${item.name.text}${variables}(${args}) -> ${typeExprText(item.result)}`;
}
