/** What a statement's arguments are, as far as the text of a program says. */
import { milDoesNotFit, milWrongElement } from "../messages/mil.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { operandOfLiteral } from "./check_literal.ts";
import type { Mistake, Operand } from "./infer.ts";
import {
  type ArgumentSpec,
  isParameter,
  kindWords,
  type MilOp,
  rankOf,
  takes,
} from "./ops/define.ts";
import { type Argument, find, type MilType, type Statement, type Value } from "./tree.ts";

export type Report = (d: Diagnostic) => void;

/** What is known of a name: its type, where it was defined, and its value if it is a constant. */
export interface Known {
  readonly type: MilType;
  readonly span: Span | undefined;
  readonly constant: Operand | undefined;
}

export type Scope = Map<string, Known>;

/** The arguments of an op. Older texts give parameters in the bracket; there they count too. */
export function givenTo(op: MilOp, s: Statement): readonly Argument[] {
  return [...s.args, ...s.attributes.filter((a) => op.args.some((b) => b.name === a.name))];
}

/**
 * The operands for the op's rule, or undefined if one is wrong (and reported), is no tensor, or is a
 * parameter that is not known before the program runs.
 */
export function operandsOf(
  op: MilOp,
  given: readonly Argument[],
  scope: Scope,
  report: Report,
): Map<string, readonly Operand[]> | undefined {
  const out = new Map<string, readonly Operand[]>();
  let isComplete = true;
  for (const spec of op.args) {
    const arg = find(given, spec.name);
    if (arg === undefined || spec.kind === "any") continue;
    const operands: Operand[] = [];
    for (const value of valuesOf(spec, arg.value)) {
      const operand = operandOf(value, scope);
      if (operand === "open") {
        isComplete = false;
        continue;
      }
      const fault = faultOf(op, spec, arg, operand);
      if (fault !== undefined) report(fault);
      if (fault !== undefined || !isKnown(spec, operand!)) isComplete = false;
      else operands.push(operand!);
    }
    out.set(spec.name, operands);
  }
  return isComplete ? out : undefined;
}

/** The values of an argument: one, or those of a tuple where the op takes several. */
export function valuesOf(spec: ArgumentSpec, value: Value): readonly Value[] {
  return spec.many && value.kind === "tuple" ? value.items : [value];
}

function isKnown({ kind }: ArgumentSpec, operand: Operand): boolean {
  if (!isParameter(kind)) return true;
  if (kind === "text") return operand.text !== undefined;
  return (kind === "factor" ? operand.numbers : operand.ints) !== undefined;
}

/** What is wrong with the kind of an operand. */
function faultOf(
  op: MilOp,
  spec: ArgumentSpec,
  arg: Argument,
  operand: Operand | undefined,
): Diagnostic | undefined {
  const rank = rankOf(spec.kind);
  const size = operand?.shape.length ?? 0;
  // A list of one integer may be written as the integer, and one number as a list of it.
  const isOne = operand?.numbers?.length === 1;
  const isRanked = rank === undefined || size === rank || (size < 2 && isOne);
  if (operand === undefined || !isRanked || !takes(spec, operand)) {
    const text = operand === undefined ? "this value" : typeText(operand);
    return milWrongElement(arg.span, op.name, spec.name, kindWords(spec), text);
  }
  if (spec.kind !== "text" || operand.text === undefined || spec.choices.length === 0)
    return undefined;
  if (spec.choices.includes(operand.text)) return undefined;
  const expected = `must be ${choicesText(spec.choices)}, not "${operand.text}"`;
  return milDoesNotFit(op.name, spec.name, expected, [{ span: arg.span, types: "" }]);
}

function choicesText(choices: readonly string[]): string {
  const quoted = choices.map((c) => `"${c}"`);
  return quoted.length === 1 ? quoted[0]! : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

/** `tensor<fp16, [1, ?]>`, as MIL spells it. */
export function typeText(operand: Operand): string {
  const dims = operand.shape.map((n) => (Number.isNaN(n) ? "?" : n)).join(", ");
  const tensor =
    operand.shape.length === 0 ? operand.element : `tensor<${operand.element}, [${dims}]>`;
  return operand.isState === true ? `state<${tensor}>` : tensor;
}

/** `open`: an undefined name, or a list or buffer. Undefined: no operand at all. */
function operandOf(value: Value, scope: Scope): Operand | "open" | undefined {
  if (value.kind !== "name") {
    const type = value.kind === "typed" ? value.type : undefined;
    const literal =
      operandOfLiteral(value, type) ?? (type === undefined ? undefined : operandOfType(type));
    return literal === undefined || literal === "open" ? literal : { ...literal, isConstant: true };
  }
  const found = scope.get(value.name);
  if (found === undefined) return "open";
  return found.constant ?? operandOfType(found.type);
}

/** A type as an operand; unknown dimensions are NaN. */
export function operandOfType(type: MilType): Operand | "open" {
  if (type.kind === "scalar") return { element: type.element, shape: [] };
  if (type.kind === "tensor") {
    return { element: type.element, shape: type.shape.map((n) => (n === "?" ? Number.NaN : n)) };
  }
  if (type.kind !== "state") return "open";
  const inner = operandOfType(type.of);
  return inner === "open" ? inner : { ...inner, isState: true };
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
