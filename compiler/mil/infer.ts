/**
 * How the type of a result follows from an op's operands: the rules that the table of ops is made
 * of.
 *
 * A rule gets operands whose presence and kinds were checked against the table. It returns the
 * result's type, or the mistake that forbids one.
 */
import type { ElementType } from "./tree.ts";

/** An element type and a shape without unknown dimensions; a scalar has no dimensions. */
export interface Shaped {
  readonly element: ElementType;
  readonly shape: readonly number[];
}

/** An operand, with its value where that is known (constants; at run time, everything). */
export interface Operand extends Shaped {
  readonly ints?: readonly number[];
  readonly text?: string;
}

/** Why operands do not fit: the argument, what is expected of it, and the types that show it. */
export interface Mistake {
  readonly argument: string;
  readonly expected: string;
  readonly given: readonly (readonly [argument: string, types: string])[];
}

/** The operands of one statement. Only arguments of variadic ops have more than one. */
export type Operands = ReadonlyMap<string, readonly Operand[]>;

export type Rule = (operands: Operands) => Shaped | Mistake;

/** Whether a rule's answer is a mistake. */
export function isMistake(answer: Shaped | Mistake): answer is Mistake {
  return "argument" in answer;
}

/** `fp16[1, 8]` */
export function shapedText(s: Shaped): string {
  return `${s.element}[${s.shape.join(", ")}]`;
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

const mistake = (
  argument: string,
  expected: string,
  given: Readonly<Record<string, Shaped | readonly Shaped[]>> = {},
): Mistake => ({
  argument,
  expected,
  given: Object.entries(given).map(([name, shaped]) => [
    name,
    [shaped].flat().map(shapedText).join(", "),
  ]),
});

const one = (operands: Operands, name: string): Operand => operands.get(name)![0]!;

const ints = (operands: Operands, name: string): readonly number[] | undefined =>
  operands.get(name)?.[0]?.ints;

const int = (operands: Operands, name: string, otherwise: number): number =>
  ints(operands, name)?.[0] ?? otherwise;

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
    if (p !== q && p !== 1 && q !== 1) return undefined;
    out.push(p === 1 ? q : p);
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

/** x and y have one element type and broadcast; the result has `element`, or theirs. */
export const binary =
  (element?: ElementType): Rule =>
  (o) => {
    const x = one(o, "x");
    const y = one(o, "y");
    if (x.element !== y.element) return mistake("y", `must have the elements of \`x\``, { x, y });
    const shape = broadcast(x.shape, y.shape);
    if (shape === undefined) return mistake("y", "does not broadcast with `x`", { x, y });
    return { element: element ?? x.element, shape };
  };

/** The three broadcast; a and b have one element type. */
export const select: Rule = (o) => {
  const [cond, a, b] = [one(o, "cond"), one(o, "a"), one(o, "b")];
  if (a.element !== b.element) return mistake("b", "must have the elements of `a`", { a, b });
  const both = broadcast(a.shape, b.shape);
  if (both === undefined) return mistake("b", "does not broadcast with `a`", { a, b });
  const shape = broadcast(cond.shape, both);
  if (shape === undefined)
    return mistake("cond", "does not broadcast with `a` and `b`", { cond, a, b });
  return { element: a.element, shape };
};

/**
 * [.., M, K] · [.., K, N] = [.., M, N], after the transpositions asked for. Leading dimensions
 * broadcast.
 */
export const matmul: Rule = (o) => {
  const x = one(o, "x");
  const y = one(o, "y");
  if (x.shape.length < 2) return mistake("x", "needs at least two dimensions", { x });
  if (y.shape.length < 2) return mistake("y", "needs at least two dimensions", { y });
  if (x.element !== y.element) return mistake("y", "must have the elements of `x`", { x, y });
  const last = (s: Shaped, flipped: boolean): readonly [number, number] => {
    const [p, q] = [s.shape.at(-2)!, s.shape.at(-1)!];
    return flipped ? [q, p] : [p, q];
  };
  const [m, k] = last(x, int(o, "transpose_x", 0) !== 0);
  const [k2, n] = last(y, int(o, "transpose_y", 0) !== 0);
  if (k !== k2) return mistake("y", `needs ${k} rows, as \`x\` has columns, not ${k2}`, { x, y });
  const batch = broadcast(x.shape.slice(0, -2), y.shape.slice(0, -2));
  if (batch === undefined) return mistake("y", "does not broadcast with `x`", { x, y });
  return { element: x.element, shape: [...batch, m, n] };
};

/** A size of -1 reaches to the end of its axis. */
export const sliceBySize: Rule = (o) => {
  const x = one(o, "x");
  const begin = ints(o, "begin") ?? [];
  const size = ints(o, "size") ?? [];
  for (const [name, list] of [
    ["begin", begin],
    ["size", size],
  ] as const) {
    if (list.length !== x.shape.length)
      return mistake(name, "needs one number for each dimension", { x });
  }
  const shape = size.map((n, i) => (n === -1 ? x.shape[i]! - begin[i]! : n));
  const inside = shape.every((n, i) => begin[i]! >= 0 && n >= 0 && begin[i]! + n <= x.shape[i]!);
  if (!inside) {
    const box = begin.map((b, i) => `${b}..${b + shape[i]!}`).join(", ");
    return mistake("size", `reaches outside \`x\`: [${box}]`, { x });
  }
  return { element: x.element, shape };
};

/** One dimension may be -1: it takes what is left. */
export const reshape: Rule = (o) => {
  const x = one(o, "x");
  const asked = ints(o, "shape") ?? [];
  const total = sizeOf(x.shape);
  const known = sizeOf(asked.filter((n) => n !== -1));
  const open = asked.filter((n) => n === -1).length;
  const left = known === 0 ? 0 : total / known;
  const fits = open === 0 ? known === total : open === 1 && known > 0 && Number.isInteger(left);
  if (!fits || asked.some((n) => n < -1)) {
    return mistake("shape", `must have the ${total} elements of \`x\`, not [${asked.join(", ")}]`, {
      x,
    });
  }
  return { element: x.element, shape: asked.map((n) => (n === -1 ? left : n)) };
};

/** Dimension i of the result is dimension perm[i] of x. */
export const transpose: Rule = (o) => {
  const x = one(o, "x");
  const perm = ints(o, "perm") ?? [];
  const axes = perm.length === x.shape.length ? axesOf(perm, x.shape.length) : undefined;
  if (axes === undefined) {
    return mistake("perm", `must name each axis of \`x\` once, not [${perm.join(", ")}]`, { x });
  }
  return { element: x.element, shape: axes.map((a) => x.shape[a]!) };
};

/** No axes means all of them. */
export const reduce: Rule = (o) => {
  const x = one(o, "x");
  const rank = x.shape.length;
  const asked = ints(o, "axes") ?? x.shape.map((_, i) => i);
  const axes = axesOf(asked, rank);
  if (axes === undefined)
    return mistake("axes", `must be axes of \`x\`, not [${asked.join(", ")}]`, { x });
  const keep = int(o, "keep_dims", 0) !== 0;
  const shape = x.shape.flatMap((n, i) => (axes.includes(i) ? (keep ? [1] : []) : [n]));
  return { element: x.element, shape };
};

/** The result has the type of x. */
export const softmax: Rule = (o) => {
  const x = one(o, "x");
  const axis = int(o, "axis", -1);
  if (axisOf(axis, x.shape.length) === undefined) {
    return mistake("axis", `must be an axis of \`x\`, not ${axis}`, { x });
  }
  return { element: x.element, shape: x.shape };
};

/** Scalars become a list. */
export const concat: Rule = (o) => {
  const values = (o.get("values") ?? []).map((v) =>
    v.shape.length === 0 ? { ...v, shape: [1] } : v,
  );
  const first = values[0];
  if (first === undefined) return mistake("values", "needs at least one value");
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, first.shape.length);
  if (axis === undefined)
    return mistake("axis", `must be an axis of the values, not ${asked}`, { values });
  let total = 0;
  for (const value of values) {
    const fits =
      value.element === first.element &&
      value.shape.length === first.shape.length &&
      value.shape.every((n, i) => i === axis || n === first.shape[i]);
    if (!fits) return mistake("values", `may differ only along axis ${axis}`, { values });
    total += value.shape[axis]!;
  }
  return { element: first.element, shape: first.shape.map((n, i) => (i === axis ? total : n)) };
};

/** Dimension i of the result is reps[i] times that of x. */
export const tile: Rule = (o) => {
  const x = one(o, "x");
  const reps = ints(o, "reps") ?? [];
  if (reps.length !== x.shape.length || reps.some((n) => n < 1)) {
    return mistake("reps", "needs one number from 1 for each dimension", { x });
  }
  return { element: x.element, shape: x.shape.map((n, i) => n * reps[i]!) };
};

/** Axes are those of the result. */
export const expandDims: Rule = (o) => {
  const x = one(o, "x");
  const asked = ints(o, "axes") ?? [];
  const rank = x.shape.length + asked.length;
  const axes = axesOf(asked, rank);
  if (axes === undefined) {
    return mistake("axes", `must be axes of the result, not [${asked.join(", ")}]`, { x });
  }
  const rest = [...x.shape];
  const shape = Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!));
  return { element: x.element, shape };
};

/** No axes means all that have one element. */
export const squeeze: Rule = (o) => {
  const x = one(o, "x");
  const asked = ints(o, "axes") ?? x.shape.flatMap((n, i) => (n === 1 ? [i] : []));
  const axes = axesOf(asked, x.shape.length);
  if (axes === undefined || axes.some((a) => x.shape[a] !== 1)) {
    return mistake("axes", `must be axes of one element, not [${asked.join(", ")}]`, { x });
  }
  return { element: x.element, shape: x.shape.filter((_, i) => !axes.includes(i)) };
};

/** x[.., indices, ..] along one axis; the first `batch_dims` dimensions of both go together. */
export const gather: Rule = (o) => {
  const x = one(o, "x");
  const indices = one(o, "indices");
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  const batch = int(o, "batch_dims", 0);
  const shared = x.shape.slice(0, batch).every((n, i) => n === indices.shape[i]);
  if (batch < 0 || batch > axis || batch > indices.shape.length || !shared) {
    return mistake("batch_dims", "must count leading dimensions that both have", { x, indices });
  }
  const shape = [
    ...x.shape.slice(0, axis),
    ...indices.shape.slice(batch),
    ...x.shape.slice(axis + 1),
  ];
  return { element: x.element, shape };
};
