/**
 * Values of the interpreter, and the few ways in which ops walk through them.
 *
 * Written for obviousness: operands are brought to the shape that makes an op's loop trivial.
 */
import { milTooLarge } from "../messages/mil_run.ts";
import { UserError } from "../support/diagnostic.ts";
import { axesOf, axisOf, type Operand, type Shaped, shapedText, sizeOf } from "./infer.ts";

/** Whole numbers that a scale makes numbers of, with zero points taken off. */
export interface Integers {
  readonly values: Float64Array;
  /** One, or one for each place along `axis`. */
  readonly scale: Float64Array;
  readonly axis: number | undefined;
}

/** An operand with its elements in row-major order; bools are 0 and 1. */
export interface Loaded extends Operand {
  readonly data: Float64Array;
  /** What the data was made of, in `exact` numerics. */
  readonly integers?: Integers | undefined;
  /** Whether it is a constant that was unpacked from int8. */
  readonly isInt8?: boolean;
}

export type LoadedOperands = ReadonlyMap<string, readonly Loaded[]>;

/** The elements of the one result, whose type is `out`. */
export type Meaning = (operands: LoadedOperands, out: Shaped) => Float64Array;

/** The elements of each result. */
export type Meanings = (
  operands: LoadedOperands,
  outs: readonly Shaped[],
) => readonly Float64Array[];

/** No value of the interpreter has more elements: 1 GiB. */
export const LARGEST = 2 ** 27;

/** Zeros. Throws a `UserError` (E0374) for more than any value may have. */
export function zeros(shape: readonly number[]): Float64Array {
  const size = sizeOf(shape);
  if (!(size <= LARGEST)) {
    throw new UserError(milTooLarge(undefined, shapedText({ element: "fp64", shape })));
  }
  return new Float64Array(size);
}

/** Elements between neighbours along each axis of a dense tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) out[i] = out[i + 1]! * shape[i + 1]!;
  return out;
}

/** out[i, j, …] = data[offset + i·strides[0] + j·strides[1] + …] */
export function view(
  data: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Float64Array {
  const out = zeros(shape);
  walk(shape, strides, offset, (from, i) => {
    out[i] = data[from]!;
  });
  return out;
}

/** Calls `visit` with offset + i·strides[0] + j·strides[1] + … for each index, in row-major order. */
export function walk(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (from: number, i: number) => void,
): void {
  const size = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < size; i++) {
    visit(from, i);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      from += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      from -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
}

/** out[index] = f(index) for each index of `shape`; the index is one array, changed in place. */
export function tabulate(
  shape: readonly number[],
  f: (index: readonly number[]) => number,
): Float64Array {
  const out = zeros(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < out.length; i++) {
    out[i] = f(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** Strides with which a tensor is read as if it had `shape`. */
export function broadcastStrides(from: readonly number[], shape: readonly number[]): number[] {
  const strides = stridesOf(from);
  const missing = shape.length - from.length;
  return shape.map((_, i) => ((from[i - missing] ?? 1) === 1 ? 0 : strides[i - missing]!));
}

/** A tensor with its elements repeated to `shape`. */
export function broadcastTo(
  x: { readonly data: Float64Array; readonly shape: readonly number[] },
  shape: readonly number[],
): Float64Array {
  return view(x.data, shape, broadcastStrides(x.shape, shape));
}

/** Dimension i of the result is dimension perm[i] of the data. */
export function permute(
  data: Float64Array,
  shape: readonly number[],
  perm: readonly number[],
): Float64Array {
  const strides = stridesOf(shape);
  return view(
    data,
    perm.map((a) => shape[a]!),
    perm.map((a) => strides[a]!),
  );
}

/**
 * Rewrites each row along one axis. Rows are given and returned as arrays of their own length; all
 * returned rows have `size` elements.
 */
export function mapRows(
  data: Float64Array,
  shape: readonly number[],
  axis: number,
  size: number,
  f: (row: Float64Array, out: Float64Array) => void,
): Float64Array {
  const rank = shape.length;
  const last = [...shape.keys()].filter((i) => i !== axis).concat(axis);
  const rows = permute(data, shape, last);
  const n = shape[axis]!;
  const others = last.slice(0, -1).map((i) => shape[i]!);
  const out = zeros([...others, size]);
  for (let i = 0; i < sizeOf(others); i++) {
    f(rows.subarray(i * n, (i + 1) * n), out.subarray(i * size, (i + 1) * size));
  }
  const back = Array.from({ length: rank }, (_, i) => last.indexOf(i));
  return permute(out, [...others, size], back);
}

/** Calls `f` with the elements of each group that `axes` reduce to one value. */
export function reduceRows(
  data: Float64Array,
  shape: readonly number[],
  asked: readonly number[],
  f: (row: Float64Array) => number,
): Float64Array {
  const all = [...shape.keys()];
  const axes = axesOf(asked, shape.length) ?? all;
  const kept = all.filter((i) => !axes.includes(i));
  const rows = permute(data, shape, [...kept, ...axes]);
  const n = sizeOf(axes.map((a) => shape[a]!));
  const out = zeros(kept.map((a) => shape[a]!));
  for (let i = 0; i < out.length; i++) out[i] = f(rows.subarray(i * n, (i + 1) * n));
  return out;
}

/** A parameter's axis from 0; its rule has checked it. */
export function axisIn(shape: readonly number[], axis: number): number {
  return axisOf(axis, shape.length)!;
}
