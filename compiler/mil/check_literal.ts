/** Whether a literal has the type written before it, and what an op's rule needs to know of it. */
import { milBadLiteral } from "../messages/mil.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { type Operand, sizeOf } from "./infer.ts";
import { shortened } from "./lex.ts";
import { isWholeNumber, numberValue } from "./numbers.ts";
import { printType } from "./print.ts";
import { type ElementType, flatten, type MilType, type Value } from "./tree.ts";

type Report = (d: Diagnostic) => void;

/** Values longer than this are never an op's parameters, so their numbers are not looked at. */
const LONGEST_PARAMETER = 64;

/**
 * Reports what is wrong with a value and the values in it. Names and untyped values say nothing.
 */
export function checkLiteral(value: Value, span: Span | undefined, report: Report): void {
  if (value.kind === "tuple") for (const item of value.items) checkLiteral(item, span, report);
  if (value.kind === "blob") checkBlob(value, span, report);
  if (value.kind !== "typed") return;
  const problem = problemOf(value.value, value.type);
  if (problem !== undefined) report(milBadLiteral(span, printType(value.type), problem));
  if (value.value.kind === "blob") checkBlob(value.value, span, report);
}

function checkBlob(value: Value & { kind: "blob" }, span: Span | undefined, report: Report): void {
  if (blobPlace(value) !== undefined) return;
  report(milBadLiteral(span, "BLOBFILE", "needs a string `path` and a whole `offset`"));
}

/** The path and offset of a BLOBFILE, or undefined if they are not a string and a whole number. */
export function blobPlace(
  value: Value & { kind: "blob" },
): { readonly path: string; readonly offset: number } | undefined {
  const path = bare(value.path);
  const offset = bare(value.offset);
  if (path.kind !== "string" || offset.kind !== "number") return undefined;
  const number = numberValue(offset.text);
  if (!isWholeNumber(offset.text) || number < 0) return undefined;
  return { path: path.value, offset: number };
}

/** A value without the types around it. */
function bare(value: Value): Value {
  return value.kind === "typed" ? bare(value.value) : value;
}

/** What is wrong with `value` as a literal of `type`, or undefined. */
function problemOf(value: Value, type: MilType): string | undefined {
  if (value.kind === "typed") {
    const problem = problemOf(value.value, value.type);
    if (problem !== undefined || sameType(value.type, type)) return problem;
    return `holds a literal of type ${printType(value.type)}`;
  }
  switch (type.kind) {
    case "scalar":
      return value.kind === "blob" ? undefined : problemOfElement(value, type.element);
    case "tensor": {
      if (value.kind === "blob") return undefined;
      const items = flatten(value);
      const known = type.shape.filter((n) => n !== "?");
      const count = sizeOf(known);
      const fits = known.length < type.shape.length || items.length === count;
      if (!fits) return `has ${items.length} value${items.length === 1 ? "" : "s"}, not ${count}`;
      return firstProblem(items, (item) => problemOfElement(item, type.element));
    }
    case "list":
      if (value.kind !== "list") return "must be written `[…]`";
      if (type.length !== "?" && value.items.length !== type.length) {
        return `has ${value.items.length} items, not ${type.length}`;
      }
      return firstProblem(value.items, (item) => problemOf(item, type.item));
    case "tuple":
      if (value.kind !== "tuple") return "must be written `(…)`";
      if (value.items.length !== type.items.length) {
        return `has ${value.items.length} items, not ${type.items.length}`;
      }
      return firstProblem(value.items, (item, i) => problemOf(item, type.items[i]!));
    case "dict":
      if (value.kind !== "dict") return "must be written `{{key, value}, …}`";
      return (
        firstProblem(value.entries, ([key]) => problemOf(key, type.key)) ??
        firstProblem(value.entries, (entry) => problemOf(entry[1], type.value))
      );
    case "state":
    case "tensor_buffer":
      return "cannot be written";
    default:
      return type satisfies never;
  }
}

function firstProblem<T>(
  items: readonly T[],
  problem: (item: T, i: number) => string | undefined,
): string | undefined {
  for (let i = 0; i < items.length; i++) {
    const found = problem(items[i]!, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

function problemOfElement(value: Value, element: ElementType): string | undefined {
  if (element === "string") return value.kind === "string" ? undefined : "must hold strings";
  if (element === "bool") {
    const bit = value.kind === "number" && (value.text === "0" || value.text === "1");
    return value.kind === "bool" || bit ? undefined : "must hold `true` or `false`";
  }
  if (value.kind !== "number") return "must hold numbers";
  const size = /^(u?)int(\d+)$/.exec(element);
  if (size === null) return undefined;
  const refused = `cannot hold \`${shortened(value.text)}\``;
  if (!isWholeNumber(value.text)) return refused;
  const bits = Number(size[2]);
  const number = numberValue(value.text);
  const [low, high] = size[1] === "u" ? [0, 2 ** bits] : [-(2 ** (bits - 1)), 2 ** (bits - 1)];
  // 64-bit numbers next to the limit round to it, so for them the limit itself passes.
  const inside = number >= low && (number < high || (bits === 64 && number === high));
  return inside ? undefined : refused;
}

/**
 * Whether two types agree: a scalar is a tensor without dimensions, `?` agrees with every
 * dimension.
 */
export function sameType(a: MilType, b: MilType): boolean {
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

/**
 * A literal as an operand of `type`, or of the type that an untyped literal suggests. Undefined if
 * it is no number, bool or string, or its shape is not known.
 */
export function operandOfLiteral(value: Value, type: MilType | undefined): Operand | undefined {
  const shaped = shapeOf(value, type);
  if (shaped === undefined) return undefined;
  const inner = bare(value);
  if (inner.kind === "string") return { ...shaped, text: inner.value };
  if (inner.kind === "blob" || sizeOf(shaped.shape) > LONGEST_PARAMETER) return shaped;
  const items = flatten(inner);
  if (items.some((item) => item.kind !== "number" && item.kind !== "bool")) return shaped;
  const numbers = items.map((item) => {
    if (item.kind === "number") return numberValue(item.text);
    return item.kind === "bool" && item.value ? 1 : 0;
  });
  const isWhole = items.every((item) => item.kind !== "number" || isWholeNumber(item.text));
  return { ...shaped, numbers, ...(isWhole ? { ints: numbers } : {}) };
}

function shapeOf(value: Value, type: MilType | undefined): Operand | undefined {
  if (type?.kind === "scalar") return { element: type.element, shape: [] };
  if (type?.kind === "tensor") {
    const shape = type.shape.filter((n) => n !== "?");
    return shape.length === type.shape.length ? { element: type.element, shape } : undefined;
  }
  if (type !== undefined) return undefined;
  if (value.kind === "typed") return shapeOf(value.value, value.type);
  if (value.kind === "bool") return { element: "bool", shape: [] };
  if (value.kind === "string") return { element: "string", shape: [] };
  if (value.kind === "number")
    return { element: isWholeNumber(value.text) ? "int32" : "fp32", shape: [] };
  if (value.kind !== "list" || value.items.length === 0) return undefined;
  const first = shapeOf(value.items[0]!, undefined);
  if (first === undefined || first.shape.length > 0) return undefined;
  // One number that is not whole makes all of them floating-point.
  const isFloat = value.items.some((v) => v.kind === "number" && !isWholeNumber(v.text));
  const element = first.element === "int32" && isFloat ? "fp32" : first.element;
  return { element, shape: [value.items.length] };
}
