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
  milGivenTwice,
  milMissingArgument,
  milOutputUndefined,
  milResultCount,
  milUndefinedName,
  milUnknownArgument,
  milWrongResult,
} from "../messages/mil.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { checkLiteral, operandOfLiteral, sameType } from "./check_literal.ts";
import { isMistake, type Operand, type Operands, resultsOf, type Shaped } from "./infer.ts";
import { shortened } from "./lex.ts";
import { givenTo, misfit, operandOfType, operandsOf, type Report, type Scope } from "./operands.ts";
import { type MilOp, milOp } from "./ops.ts";
import { printType } from "./print.ts";
import {
  type Attribute,
  find,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  typeOf,
  type Value,
} from "./tree.ts";

/** Told of each statement whose operands are known, with the results that its rule gives. */
type Visit = (s: Statement, op: MilOp, operands: Operands, outs: readonly Shaped[]) => void;

/** Undefined names for which similar names are searched; a program may have very many names. */
const SUGGESTIONS = 20;
/** No similar names are searched for longer ones. */
const LONGEST_SUGGESTED = 100;

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

/** The statements of a function whose operands are known, as far as the text says. */
export function eachTyped(f: MilFunction, visit: Visit): void {
  checkFunction(f, () => {}, visit);
}

function checkFunction(f: MilFunction, report: Report, visit: Visit = () => {}): void {
  checkAttributes(f.attributes, "attribute", report);
  const scope: Scope = new Map();
  const later = new Set(f.body.flatMap((s) => s.results.map((r) => r.name)));
  const missing = new Set<string>();
  for (const input of f.inputs)
    define(scope, input.name, input.type, input.span, undefined, report);
  for (const statement of f.body) {
    for (const arg of statement.args)
      checkNames(arg.value, arg.span, { scope, later, missing }, report);
    const constant = checkStatement(statement, scope, report, visit);
    for (const r of statement.results) define(scope, r.name, r.type, r.span, constant, report);
  }
  for (const { name, span } of f.outputs) {
    if (scope.has(name)) continue;
    const known = similarNames({ scope, missing }, name);
    missing.add(name);
    report(milOutputUndefined(span, f.name, shortName(name), known));
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
    const known = similarNames(names, value.name);
    missing.add(value.name);
    report(milUndefinedName(span, shortName(value.name), known, later.has(value.name)));
  }
}

function shortName(name: string): string {
  return name.length <= LONGEST_SUGGESTED ? name : shortened(name);
}

/** The names that an undefined one may be a misspelling of. */
function similarNames(
  { scope, missing }: Pick<Names, "scope" | "missing">,
  name: string,
): readonly string[] {
  const isSearched = missing.size < SUGGESTIONS && name.length <= LONGEST_SUGGESTED;
  return isSearched ? [...scope.keys()] : [];
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
function checkStatement(
  s: Statement,
  scope: Scope,
  report: Report,
  visit: Visit,
): Operand | undefined {
  checkAttributes(s.args, "argument", report);
  checkAttributes(s.attributes, "attribute", report);
  const name = find(s.attributes, "name");
  if (name !== undefined && !isString(name.value)) {
    report(milBadAttribute(name.span, s.op, "name", "must be a string"));
  }
  if (s.op === "const") return checkConst(s, report);
  const op = milOp(s.op);
  if (op !== undefined) checkOp(s, op, scope, report, visit);
  const made = s.op.startsWith("constexpr_") ? s.results[0] : undefined;
  const operand = made === undefined ? "open" : operandOfType(made.type);
  // Of several results each gets its own type; only that they are constants is said here.
  return operand === "open" || s.results.length > 1 ? undefined : { ...operand, isConstant: true };
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
  const operand = operandOfLiteral(val.value, result.type);
  return operand === undefined ? undefined : { ...operand, isConstant: true };
}

function checkOp(s: Statement, op: MilOp, scope: Scope, report: Report, visit: Visit): void {
  const given = givenTo(op, s);
  const known = op.args.map((a) => a.name);
  const unknown = s.args.filter((a) => !known.includes(a.name));
  for (const { name, nameSpan } of unknown) {
    report(milUnknownArgument(nameSpan, op.name, name, known));
  }
  const missing = op.args.filter((a) => a.required && find(given, a.name) === undefined);
  if (unknown.length === 0 && missing.length > 0) {
    const names = missing.map((a) => a.name);
    report(milMissingArgument(s.span, op.name, names));
  }
  if (unknown.length > 0 || missing.length > 0) return;
  const operands = operandsOf(op, given, scope, report);
  const answer = operands === undefined ? "open" : op.rule(operands);
  if (isMistake(answer)) {
    report(misfit(s, answer));
    return;
  }
  const outs = answer === "open" ? undefined : resultsOf(answer);
  if (!checkCount(s, op, outs?.length, report) || outs === undefined) return;
  for (const [i, out] of outs.entries()) checkResult(s, i, out, report);
  visit(s, op, operands!, outs);
}

/** Whether a statement has as many results as its op; `computed` if the rule says how many. */
function checkCount(
  s: Statement,
  op: MilOp,
  computed: number | undefined,
  report: Report,
): boolean {
  const [low, high] = typeof op.results === "number" ? [op.results, op.results] : op.results;
  const given = s.results.length;
  if (computed === undefined ? given >= low && given <= high : given === computed) return true;
  report(milResultCount(s.span, s.op, computed ?? (given < low ? low : high), given));
  return false;
}

function checkResult(s: Statement, i: number, out: Shaped, report: Report): void {
  const result = s.results[i]!;
  const shape = out.shape.map((n) => (Number.isNaN(n) ? "?" : n));
  const computed = typeOf(out.element, shape);
  if (sameType(result.type, computed)) return;
  const [declared, text] = [printType(result.type), printType(computed)];
  report(milWrongResult(result.span, s.op, result.name, declared, text));
}
