/**
 * What each op of the table computes, on float64 arrays in row-major order.
 *
 * Written for obviousness: operands are first brought to the shape that makes the loop trivial.
 * Rounding to the element type is done by the interpreter, after the op.
 */
import { milCannotInterpret, milDoesNotFit } from "../messages/mil.ts";
import { UserError } from "../support/diagnostic.ts";
import { axesOf, axisOf, type Operand, type Shaped, sizeOf } from "./infer.ts";
import type { ElementType } from "./tree.ts";

/** An operand with its elements; bools are 0 and 1. */
export interface Loaded extends Operand {
  readonly data: Float64Array;
}

export type LoadedOperands = ReadonlyMap<string, readonly Loaded[]>;

/** The elements of the result, whose type is `out`. */
export type Meaning = (operands: LoadedOperands, out: Shaped) => Float64Array;

const one = (o: LoadedOperands, name: string): Loaded => o.get(name)![0]!;
const int = (o: LoadedOperands, name: string, otherwise: number): number =>
  o.get(name)?.[0]?.ints?.[0] ?? otherwise;

/** Elements between neighbours along each axis of a dense tensor. */
function stridesOf(shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) out[i] = out[i + 1]! * shape[i + 1]!;
  return out;
}

/** out[i, j, …] = data[offset + i·strides[0] + j·strides[1] + …] */
function view(
  data: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < out.length; i++) {
    out[i] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      from += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      from -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Strides with which a tensor is read as if it had `shape`. */
function broadcastStrides(from: readonly number[], shape: readonly number[]): number[] {
  const strides = stridesOf(from);
  const missing = shape.length - from.length;
  return shape.map((_, i) => ((from[i - missing] ?? 1) === 1 ? 0 : strides[i - missing]!));
}

function broadcastTo(x: Loaded, shape: readonly number[]): Float64Array {
  return view(x.data, shape, broadcastStrides(x.shape, shape));
}

function permute(
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

const unary =
  (f: (x: number) => number): Meaning =>
  (o) =>
    one(o, "x").data.map(f);

const binary =
  (f: (x: number, y: number) => number): Meaning =>
  (o, out) => {
    const y = broadcastTo(one(o, "y"), out.shape);
    return broadcastTo(one(o, "x"), out.shape).map((x, i) => f(x, y[i]!));
  };

const compare = (f: (x: number, y: number) => boolean): Meaning =>
  binary((x, y) => (f(x, y) ? 1 : 0));

const same: Meaning = (o) => one(o, "x").data.slice();

/** Folds the elements along the reduced axes; `finish` gets their number. */
const reduce =
  (
    start: number,
    f: (a: number, x: number) => number,
    finish = (a: number, _n: number) => a,
  ): Meaning =>
  (o) => {
    const { data, shape } = one(o, "x");
    const all = shape.map((_, i) => i);
    const axes = axesOf(o.get("axes")?.[0]?.ints ?? all, shape.length) ?? all;
    const kept = all.filter((i) => !axes.includes(i));
    const rows = permute(data, shape, [...kept, ...axes]);
    const n = sizeOf(axes.map((a) => shape[a]!));
    return Float64Array.from({ length: sizeOf(kept.map((a) => shape[a]!)) }, (_, row) =>
      finish(rows.subarray(row * n, (row + 1) * n).reduce(f, start), n),
    );
  };

const softmax: Meaning = (o, out) => {
  const rank = out.shape.length;
  const axis = axisOf(int(o, "axis", -1), rank)!;
  // Swapping the axis with the last one is its own inverse.
  const swap = out.shape.map((_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  const rows = permute(one(o, "x").data, out.shape, swap);
  const n = out.shape[axis]!;
  for (let from = 0; from < rows.length; from += n) {
    const row = rows.subarray(from, from + n);
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let total = 0;
    for (let i = 0; i < n; i++) total += row[i] = Math.exp(row[i]! - top);
    for (let i = 0; i < n; i++) row[i]! /= total;
  }
  return permute(
    rows,
    swap.map((a) => out.shape[a]!),
    swap,
  );
};

const matmul: Meaning = (o, out) => {
  const batch = out.shape.slice(0, -2);
  const [m, n] = [out.shape.at(-2)!, out.shape.at(-1)!];
  /** The operand as [batch, rows, columns], not transposed. */
  const dense = (x: Loaded, flipped: boolean): { data: Float64Array; columns: number } => {
    const order = flipped ? [-1, -2] : [-2, -1];
    const last = order.map((a) => x.shape.at(a)!);
    const strides = order.map((a) => stridesOf(x.shape).at(a)!);
    const lead = broadcastStrides(x.shape, [...batch, ...x.shape.slice(-2)]).slice(0, -2);
    return { data: view(x.data, [...batch, ...last], [...lead, ...strides]), columns: last[1]! };
  };
  const x = dense(one(o, "x"), int(o, "transpose_x", 0) !== 0);
  const y = dense(one(o, "y"), int(o, "transpose_y", 0) !== 0);
  const k = x.columns;
  const result = new Float64Array(sizeOf(out.shape));
  for (let row = 0; row < sizeOf(batch) * m; row++) {
    const base = Math.floor(row / m) * k * n;
    for (let inner = 0; inner < k; inner++) {
      const a = x.data[row * k + inner]!;
      for (let j = 0; j < n; j++) result[row * n + j]! += a * y.data[base + inner * n + j]!;
    }
  }
  return result;
};

const slice: Meaning = (o, out) => {
  const x = one(o, "x");
  const strides = stridesOf(x.shape);
  const offset = one(o, "begin").data.reduce((sum, b, i) => sum + b * strides[i]!, 0);
  return view(x.data, out.shape, strides, offset);
};

const tile: Meaning = (o) => {
  const x = one(o, "x");
  const strides = stridesOf(x.shape);
  const reps = one(o, "reps").data;
  const pairs = x.shape.map((n, i) => ({ shape: [reps[i]!, n], strides: [0, strides[i]!] }));
  return view(
    x.data,
    pairs.flatMap((p) => p.shape),
    pairs.flatMap((p) => p.strides),
  );
};

const concat: Meaning = (o, out) => {
  if (int(o, "interleave", 0) !== 0) throw new UserError(milCannotInterpret(undefined, "concat"));
  const axis = axisOf(int(o, "axis", 0), out.shape.length)!;
  const result = new Float64Array(sizeOf(out.shape));
  const row = sizeOf(out.shape.slice(axis));
  let at = 0;
  for (const { data, shape } of o.get("values")!) {
    const part = sizeOf(shape.slice(axis));
    for (let from = 0, to = at; part > 0 && from < data.length; from += part, to += row) {
      result.set(data.subarray(from, from + part), to);
    }
    at += part;
  }
  return result;
};

const gather: Meaning = (o, out) => {
  const x = one(o, "x");
  const indices = one(o, "indices");
  const axis = axisOf(int(o, "axis", 0), x.shape.length)!;
  const batches = sizeOf(x.shape.slice(0, int(o, "batch_dims", 0)));
  const outer = sizeOf(x.shape.slice(0, axis)) / Math.max(1, batches);
  const inner = sizeOf(x.shape.slice(axis + 1));
  const [n, count] = [x.shape[axis]!, indices.data.length / Math.max(1, batches)];
  const result = new Float64Array(sizeOf(out.shape));
  let at = 0;
  for (let i = 0; i < batches * outer; i++) {
    for (let j = 0; j < count; j++, at += inner) {
      const index = indices.data[Math.floor(i / outer) * count + j]!;
      const found = axisOf(index, n);
      if (found === undefined) {
        const expected = `must lie in 0..${n - 1}, not ${index}`;
        throw new UserError(milDoesNotFit("gather", "indices", expected, []));
      }
      const from = (i * n + found) * inner;
      result.set(x.data.subarray(from, from + inner), at);
    }
  }
  return result;
};

const select: Meaning = (o, out) => {
  const [a, b] = [broadcastTo(one(o, "a"), out.shape), broadcastTo(one(o, "b"), out.shape)];
  return broadcastTo(one(o, "cond"), out.shape).map((c, i) => (c !== 0 ? a[i]! : b[i]!));
};

/** Towards zero and into the range of the type; bools are what is not zero. */
const cast: Meaning = (o, out) => one(o, "x").data.map(converter(out.element));

function converter(element: ElementType): (x: number) => number {
  if (element === "bool") return (x) => (x !== 0 ? 1 : 0);
  const size = /^(u?)int(\d+)$/.exec(element);
  if (size === null) return (x) => x;
  const bits = Number(size[2]);
  const [low, high] =
    size[1] === "u" ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  return (x) => (Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x))) + 0);
}

/** erf by its series below 3 (all terms of one sign), by its continued fraction above. */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (Number.isNaN(x) || t > 6) return Number.isNaN(x) ? x : Math.sign(x);
  const scale = Math.exp(-t * t) / Math.sqrt(Math.PI);
  let value: number;
  if (t < 3) {
    // 2/√π · exp(−t²) · Σ 2ⁿ t²ⁿ⁺¹ / (1·3·…·(2n+1))
    let term = t;
    value = 0;
    for (let n = 1; term > value * 1e-17; n++) {
      value += term;
      term *= (2 * t * t) / (2 * n + 1);
    }
    value *= 2 * scale;
  } else {
    // 1 − exp(−t²)/√π · 1/(t + (1/2)/(t + (2/2)/(t + …)))
    let fraction = t;
    for (let n = 60; n >= 1; n--) fraction = t + n / 2 / fraction;
    value = 1 - scale / fraction;
  }
  return x < 0 ? -value : value;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const GELU: Readonly<Record<string, (x: number) => number>> = {
  EXACT: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  TANH_APPROXIMATION: (x) =>
    0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  SIGMOID_APPROXIMATION: (x) => x * sigmoid(1.702 * x),
};

const gelu: Meaning = (o) => {
  const mode = one(o, "mode").text ?? "";
  const f = GELU[mode];
  if (f !== undefined) return one(o, "x").data.map(f);
  throw new UserError(milCannotInterpret(undefined, `gelu with mode "${mode}"`));
};

const withEpsilon =
  (f: (x: number) => number): Meaning =>
  (o) => {
    const epsilon = one(o, "epsilon").data[0] ?? 0;
    return one(o, "x").data.map((x) => f(x + epsilon));
  };

/** By the op's name; a test holds this against the table of ops. */
export const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  Object.entries({
    identity: same,
    cast,
    slice_by_size: slice,
    reshape: same,
    transpose: (o) => {
      const x = one(o, "x");
      return permute(x.data, x.shape, axesOf(one(o, "perm").ints ?? [], x.shape.length) ?? []);
    },
    expand_dims: same,
    squeeze: same,
    concat,
    tile,
    gather,
    matmul,
    add: binary((x, y) => x + y),
    sub: binary((x, y) => x - y),
    mul: binary((x, y) => x * y),
    real_div: binary((x, y) => x / y),
    pow: binary((x, y) => x ** y),
    maximum: binary(Math.max),
    minimum: binary(Math.min),
    equal: compare((x, y) => x === y),
    not_equal: compare((x, y) => x !== y),
    less: compare((x, y) => x < y),
    less_equal: compare((x, y) => x <= y),
    greater: compare((x, y) => x > y),
    greater_equal: compare((x, y) => x >= y),
    select,
    abs: unary(Math.abs),
    square: unary((x) => x * x),
    relu: unary((x) => Math.max(x, 0)),
    sqrt: unary(Math.sqrt),
    exp: unary(Math.exp),
    erf: unary(erf),
    tanh: unary(Math.tanh),
    sigmoid: unary(sigmoid),
    silu: unary((x) => x * sigmoid(x)),
    rsqrt: withEpsilon((x) => 1 / Math.sqrt(x)),
    log: withEpsilon(Math.log),
    gelu,
    reduce_sum: reduce(0, (a, x) => a + x),
    reduce_mean: reduce(
      0,
      (a, x) => a + x,
      (a, n) => a / n,
    ),
    reduce_max: reduce(Number.NEGATIVE_INFINITY, (a, x) => Math.max(a, x)),
    reduce_min: reduce(Number.POSITIVE_INFINITY, (a, x) => Math.min(a, x)),
    softmax,
  } satisfies Readonly<Record<string, Meaning>>),
);
