/**
 * Whether a MIL program makes sense: names, literals, attributes, and for each op of the table its
 * arguments and the type of its result.
 *
 * Programs of Apple's tools pass too: ops outside the table are trusted to have the results they
 * declare, unknown dimensions fit everything, and parameters that are computed while the program
 * runs leave the result's shape open. What a chip refuses is not decided here but by the hardware
 * facts.
 */
import {
  milBadAttribute,
  milDefinedTwice,
  milDoesNotFit,
  milGivenTwice,
  milMissingArgument,
  milOutputUndefined,
  milResultCount,
  milUndefinedName,
  milUnknownArgument,
  milWrongElement,
  milWrongResult,
} from "../messages/mil.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { checkLiteral, operandOfLiteral } from "./check_literal.ts";
import { isMistake, type Mistake, type Operand } from "./infer.ts";
import { accepts, isParameter, kindWords, type MilOp, milOp, rankOf } from "./ops.ts";
import { printType } from "./print.ts";
import {
  type Argument,
  type Attribute,
  find,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  typeOf,
  type Value,
} from "./tree.ts";

type Report = (d: Diagnostic) => void;

/** What is known of a name: its type, where it was defined, and its value if it is a constant. */
interface Known {
  readonly type: MilType;
  readonly span: Span | undefined;
  readonly constant: Operand | undefined;
}

type Scope = Map<string, Known>;

/** Undefined names for which similar names are searched; a program may have very many names. */
const SUGGESTIONS = 20;

/** Everything wrong with a program: errors, and warnings for what is only suspicious. */
export function checkMil(program: MilProgram): Diagnostic[] {
  const out: Diagnostic[] = [];
  const report: Report = (d) => void out.push(d);
  checkAttributes(program.attributes, "attribute", report);
  const names = new Set<string>();
  for (const f of program.functions) {
    if (names.has(f.name)) report(milGivenTwice(f.span, "function", f.name));
    names.add(f.name);
    checkFunction(f, report);
  }
  return out;
}

function checkFunction(f: MilFunction, report: Report): void {
  checkAttributes(f.attributes, "attribute", report);
  const scope: Scope = new Map();
  const later = new Set(f.body.flatMap((s) => s.results.map((r) => r.name)));
  const missing = new Set<string>();
  for (const input of f.inputs)
    define(scope, input.name, input.type, input.span, undefined, report);
  for (const statement of f.body) {
    for (const arg of statement.args)
      checkNames(arg.value, arg.span, { scope, later, missing }, report);
    const constant = checkStatement(statement, scope, report);
    for (const r of statement.results) define(scope, r.name, r.type, r.span, constant, report);
  }
  for (const { name, span } of f.outputs) {
    if (!scope.has(name)) report(milOutputUndefined(span, f.name, name, [...scope.keys()]));
  }
}

function define(
  scope: Scope,
  name: string,
  type: MilType,
  span: Span | undefined,
  constant: Operand | undefined,
  report: Report,
): void {
  const before = scope.get(name);
  if (before !== undefined) report(milDefinedTwice(span, name, before.span));
  scope.set(name, { type, span, constant });
}

interface Names {
  readonly scope: Scope;
  /** All names that the function defines anywhere. */
  readonly later: ReadonlySet<string>;
  /** Undefined names that are reported already. */
  readonly missing: Set<string>;
}

function checkNames(value: Value, span: Span | undefined, names: Names, report: Report): void {
  if (value.kind === "tuple" || value.kind === "list") {
    for (const item of value.items) checkNames(item, span, names, report);
  } else if (value.kind === "name") {
    const { scope, later, missing } = names;
    if (scope.has(value.name) || missing.has(value.name)) return;
    const known = missing.size < SUGGESTIONS ? [...scope.keys()] : [];
    missing.add(value.name);
    report(milUndefinedName(span, value.name, known, later.has(value.name)));
  }
}

function checkAttributes(list: readonly Attribute[], kind: string, report: Report): void {
  const seen = new Set<string>();
  for (const { name, value, span, nameSpan } of list) {
    if (seen.has(name)) report(milGivenTwice(nameSpan, kind, name));
    seen.add(name);
    checkLiteral(value, span, report);
  }
}

/** Reports what is wrong with a statement, and returns the value of a constant. */
function checkStatement(s: Statement, scope: Scope, report: Report): Operand | undefined {
  checkAttributes(s.args, "argument", report);
  checkAttributes(s.attributes, "attribute", report);
  const name = find(s.attributes, "name");
  if (name !== undefined && !isString(name.value)) {
    report(milBadAttribute(name.span, s.op, "name", "must be a string"));
  }
  if (s.op === "const") return checkConst(s, report);
  const op = milOp(s.op);
  if (op !== undefined) checkOp(s, op, scope, report);
  return undefined;
}

function isString(value: Value): boolean {
  return value.kind === "string" || (value.kind === "typed" && isString(value.value));
}

function checkConst(s: Statement, report: Report): Operand | undefined {
  const result = s.results[0];
  if (result === undefined || s.results.length !== 1) {
    report(milResultCount(s.span, s.op, 1, s.results.length));
    return undefined;
  }
  const val = find(s.attributes, "val") ?? find(s.args, "val");
  if (val === undefined) {
    report(milBadAttribute(s.span, s.op, "val", "is missing"));
    return undefined;
  }
  if (val.value.kind === "typed" && !sameType(result.type, val.value.type)) {
    const [declared, computed] = [printType(result.type), printType(val.value.type)];
    report(milWrongResult(result.span, s.op, result.name, declared, computed));
  }
  return operandOfLiteral(val.value, result.type);
}

function checkOp(s: Statement, op: MilOp, scope: Scope, report: Report): void {
  const result = s.results[0];
  if (result === undefined || s.results.length !== 1) {
    report(milResultCount(s.span, s.op, 1, s.results.length));
    return;
  }
  // Older texts give some parameters in the bracket; there they count as arguments.
  const given = [...s.args, ...s.attributes.filter((a) => op.args.some((b) => b.name === a.name))];
  const known = op.args.map((a) => a.name);
  const unknown = s.args.filter((a) => !known.includes(a.name));
  for (const { name, nameSpan } of unknown) {
    report(milUnknownArgument(nameSpan, op.name, name, known));
  }
  if (unknown.length > 0) return;
  const missing = op.args.filter((a) => a.required && find(given, a.name) === undefined);
  if (missing.length > 0) {
    report(
      milMissingArgument(
        s.span,
        op.name,
        missing.map((a) => a.name),
      ),
    );
    return;
  }
  const operands = operandsOf(op, given, scope, report);
  if (operands === undefined) return;
  const answer = op.rule(operands);
  if (isMistake(answer)) {
    report(misfit(s, answer));
    return;
  }
  const computed = typeOf(answer.element, answer.shape);
  if (!sameType(result.type, computed)) {
    const [declared, text] = [printType(result.type), printType(computed)];
    report(milWrongResult(result.span, op.name, result.name, declared, text));
  }
}

/** A rule's mistake, pointing at the argument and at the operands that show it. */
export function misfit(s: Statement, { argument, expected, given }: Mistake): Diagnostic {
  const placeOf = (name: string): Span | undefined =>
    (find(s.args, name) ?? find(s.attributes, name))?.span ?? s.span;
  const types = (name: string): string => given.find(([n]) => n === name)?.[1] ?? "";
  const others = given.map(([name]) => name).filter((name) => name !== argument);
  const places = [argument, ...others].map((name) => ({ span: placeOf(name), types: types(name) }));
  return milDoesNotFit(s.op, argument, expected, places);
}

/**
 * The operands for the op's rule, or undefined if one is wrong or not known before the program
 * runs.
 */
function operandsOf(
  op: MilOp,
  given: readonly Argument[],
  scope: Scope,
  report: Report,
): Map<string, readonly Operand[]> | undefined {
  const out = new Map<string, readonly Operand[]>();
  let complete = true;
  for (const spec of op.args) {
    const arg = find(given, spec.name);
    if (arg === undefined) continue;
    const values = spec.many && arg.value.kind === "tuple" ? arg.value.items : [arg.value];
    const operands: Operand[] = [];
    for (const value of values) {
      const operand = operandOf(value, scope);
      if (operand === "open") {
        complete = false;
        continue;
      }
      const rank = rankOf(spec.kind);
      const element = operand === undefined ? "untyped" : operand.element;
      // A list of one integer may be written as the integer.
      const size = operand?.shape.length ?? 0;
      const ranked =
        rank === undefined || size === rank || (size < 2 && operand?.ints?.length === 1);
      if (operand === undefined || !accepts(spec.kind, element) || !ranked) {
        const text =
          operand === undefined ? "this value" : printType(typeOf(operand.element, operand.shape));
        report(milWrongElement(arg.span, op.name, spec.name, kindWords(spec.kind), text));
        complete = false;
      } else if (
        isParameter(spec.kind) &&
        operand.ints === undefined &&
        operand.text === undefined
      ) {
        complete = false;
      } else operands.push(operand);
    }
    out.set(spec.name, operands);
  }
  return complete ? out : undefined;
}

/**
 * `open`: an undefined name, or a shape not known before the program runs. Undefined: no operand.
 */
function operandOf(value: Value, scope: Scope): Operand | "open" | undefined {
  if (value.kind !== "name") {
    const type = value.kind === "typed" ? value.type : undefined;
    return operandOfLiteral(value, type) ?? (type === undefined ? undefined : operandOfType(type));
  }
  const found = scope.get(value.name);
  if (found === undefined) return "open";
  return found.constant ?? operandOfType(found.type);
}

function operandOfType(type: MilType): Operand | "open" | undefined {
  if (type.kind === "scalar") return { element: type.element, shape: [] };
  if (type.kind !== "tensor") return undefined;
  const shape = type.shape.filter((n) => n !== "?");
  return shape.length === type.shape.length ? { element: type.element, shape } : "open";
}

/**
 * Whether two types agree: a scalar is a tensor without dimensions, `?` agrees with every
 * dimension.
 */
function sameType(a: MilType, b: MilType): boolean {
  const [p, q] = [dimsOf(a), dimsOf(b)];
  if (p === undefined || q === undefined) return printType(a) === printType(b);
  return (
    p.element === q.element &&
    p.shape.length === q.shape.length &&
    p.shape.every((n, i) => n === "?" || q.shape[i] === "?" || n === q.shape[i])
  );
}

function dimsOf(type: MilType) {
  if (type.kind === "scalar") return { element: type.element, shape: [] };
  return type.kind === "tensor" ? { element: type.element, shape: type.shape } : undefined;
}
