/**
 * What the ops' rules are made of: operands, shapes that may hold unknown sizes, and mistakes.
 *
 * A rule gets operands whose presence and kinds were checked against the table of ops. It returns
 * the types of the results, or the mistake that forbids one. A size that is known only when the
 * program runs is NaN: arithmetic keeps it unknown, and it fits everything.
 */
import type { ElementType } from "./tree.ts";

/** An element type and a shape; a scalar has no dimensions. */
export interface Shaped {
  readonly element: ElementType;
  readonly shape: readonly number[];
}

/** An operand, with its value where that is known (constants; at run time, everything). */
export interface Operand extends Shaped {
  /** The value, if it is whole numbers or bools and not long. */
  readonly ints?: readonly number[];
  /** The value, if it is numbers or bools and not long. */
  readonly numbers?: readonly number[];
  readonly text?: string;
  /** Known when the program is compiled. */
  readonly isConstant?: boolean;
  /** A `state` of this tensor. */
  readonly isState?: boolean;
}

/** Why operands do not fit: the argument, what is expected of it, and the types that show it. */
export interface Mistake {
  readonly argument: string;
  readonly expected: string;
  readonly given: readonly (readonly [argument: string, types: string])[];
}

/** The operands of one statement. Only arguments of variadic ops have more than one. */
export type Operands = ReadonlyMap<string, readonly Operand[]>;

/** One result or several, a mistake, or `open`: results that only a run can tell. */
export type Answer = Shaped | readonly Shaped[] | Mistake | "open";

export type Rule = (operands: Operands) => Answer;

/** Whether a rule's answer is a mistake. */
export function isMistake(answer: Answer): answer is Mistake {
  return typeof answer === "object" && "argument" in answer;
}

/** A rule's answer as a list of results. */
export function resultsOf(answer: Shaped | readonly Shaped[]): readonly Shaped[] {
  return "element" in answer ? [answer] : answer;
}

/** `fp16[1, 8]`; an unknown size is `?`. */
export function shapedText(s: Shaped): string {
  return `${s.element}${shapeText(s.shape)}`;
}

/** `[1, ?]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.map((n) => (Number.isNaN(n) ? "?" : n)).join(", ")}]`;
}

/** The number of elements of a shape; NaN if a size is unknown. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** A mistake, with the operands that show it. */
export function mistake(
  argument: string,
  expected: string,
  given: Readonly<Record<string, Shaped | readonly Shaped[]>> = {},
): Mistake {
  const text = (shaped: Shaped | readonly Shaped[]): string =>
    [shaped].flat().map(shapedText).join(", ");
  return {
    argument,
    expected,
    given: Object.entries(given).map(([name, shaped]) => [name, text(shaped)]),
  };
}

/** The operand of an argument that the op requires. */
export function one<T>(operands: ReadonlyMap<string, readonly T[]>, name: string): T {
  return operands.get(name)![0]!;
}

/** The operand of an argument, if it is given. */
export function maybe<T>(operands: ReadonlyMap<string, readonly T[]>, name: string): T | undefined {
  return operands.get(name)?.[0];
}

/** The integers of a parameter, or `otherwise` if it is not given. */
export function ints<T>(operands: Operands, name: string, otherwise: T): readonly number[] | T {
  return maybe(operands, name)?.ints ?? otherwise;
}

/** One integer or bool. */
export function int(operands: Operands, name: string, otherwise: number): number {
  return maybe(operands, name)?.ints?.[0] ?? otherwise;
}

/** One bool that is false unless it is given. */
export function flag(operands: Operands, name: string): boolean {
  return int(operands, name, 0) !== 0;
}

/** A string parameter. */
export function textOf(operands: Operands, name: string, otherwise: string): string {
  return maybe(operands, name)?.text ?? otherwise;
}

/** Whether two sizes are known to differ. */
export function differ(a: number | undefined, b: number | undefined): boolean {
  return a !== b && !Number.isNaN(a) && !Number.isNaN(b);
}

/** Whether two shapes may be equal. */
export function mayEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => !differ(n, b[i]));
}

/** Whether `n` is known not to be a multiple of `by`. */
export function leaves(n: number, by: number): boolean {
  return !Number.isNaN(n) && n % by !== 0;
}

/** The common shape of two, as numpy broadcasts them, or undefined. */
export function broadcast(
  a: readonly number[],
  b: readonly number[],
): readonly number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const p = a[i - rank + a.length] ?? 1;
    const q = b[i - rank + b.length] ?? 1;
    if (p !== 1 && q !== 1 && differ(p, q)) return undefined;
    out.push(p === 1 || (Number.isNaN(p) && q !== 1) ? q : p);
  }
  return out;
}

/** An axis counted from 0, or undefined if there is none; negative axes count from the end. */
export function axisOf(axis: number, rank: number): number | undefined {
  const found = axis < 0 ? axis + rank : axis;
  return Number.isInteger(axis) && found >= 0 && found < rank ? found : undefined;
}

/** Several axes from 0, or undefined if one does not exist or is given twice. */
export function axesOf(axes: readonly number[], rank: number): readonly number[] | undefined {
  const found = axes.map((axis) => axisOf(axis, rank));
  if (found.some((a) => a === undefined) || new Set(found).size !== axes.length) return undefined;
  return found as number[];
}

/** The result has the type of `argument`. */
export const like =
  (argument: string): Rule =>
  (o) => ({ element: one(o, argument).element, shape: one(o, argument).shape });

/** `like`, for ops whose operand must have a rank. */
export const likeRanked =
  (argument: string, low: number, high: number): Rule =>
  (o) => {
    const x = one(o, argument);
    return rankMistake(argument, x, low, high) ?? { element: x.element, shape: x.shape };
  };

/** The mistake of an operand whose rank is not in `low..high`. */
export function rankMistake(
  argument: string,
  x: Shaped,
  low: number,
  high: number,
): Mistake | undefined {
  const rank = x.shape.length;
  if (rank >= low && rank <= high) return undefined;
  const range = low === high ? `${low}` : high > 16 ? `${low} or more` : `${low} to ${high}`;
  return mistake(argument, `needs ${range} dimensions`, { [argument]: x });
}

/** The mistake of an operand that must be a list of `count` values. */
export function vectorMistake(
  argument: string,
  x: Shaped | undefined,
  count: number,
): Mistake | undefined {
  if (x === undefined || (x.shape.length === 1 && !differ(x.shape[0], count))) return undefined;
  const values = Number.isNaN(count) ? "values" : `${count} values`;
  return mistake(argument, `must be a list of ${values}`, { [argument]: x });
}

/** `shape` with the size of `axis` replaced. */
export function resized(shape: readonly number[], axis: number, size: number): readonly number[] {
  return shape.map((n, i) => (i === axis ? size : n));
}
