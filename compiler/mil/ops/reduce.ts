/** Ops that combine the elements along axes: sums, extremes, orders. */
import {
  type Answer,
  axesOf,
  axisOf,
  flag,
  int,
  ints,
  like,
  mistake,
  type Operands,
  one,
  type Rule,
  resized,
  textOf,
} from "../infer.ts";
import {
  axisIn,
  type Loaded,
  type Meaning,
  type Meanings,
  mapRows,
  reduceRows,
} from "../tensors.ts";
import { isElementType } from "../tree.ts";
import { type MilOp, op, perInput } from "./define.ts";

/** No axes means all of them. */
const reduceRule: Rule = (o) => {
  const x = one(o, "x");
  const rank = x.shape.length;
  const asked = ints(o, "axes", [...x.shape.keys()]);
  const axes = axesOf(asked, rank);
  if (axes === undefined)
    return mistake("axes", `must be axes of \`x\`, not [${asked.join(", ")}]`, { x });
  const keep = flag(o, "keep_dims");
  const shape = x.shape.flatMap((n, i) => (axes.includes(i) ? (keep ? [1] : []) : [n]));
  return { element: x.element, shape };
};

/** One axis, -1 if none is given; the result counts. */
const argRule: Rule = (o) => {
  const x = one(o, "x");
  const asked = int(o, "axis", -1);
  const axis = axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  const element = textOf(o, "output_dtype", "int32");
  const shape = flag(o, "keep_dims") ? resized(x.shape, axis, 1) : x.shape.toSpliced(axis, 1);
  return { element: isElementType(element) ? element : "int32", shape };
};

const onAxis =
  (otherwise: number): Rule =>
  (o) => {
    const x = one(o, "x");
    const axis = int(o, "axis", otherwise);
    if (axisOf(axis, x.shape.length) === undefined) {
      return mistake("axis", `must be an axis of \`x\`, not ${axis}`, { x });
    }
    return { element: x.element, shape: x.shape };
  };

function reduction(name: string, doc: string, f: (row: Float64Array) => number): MilOp {
  const run: Meaning = (o) => {
    const x = one(o, "x");
    return reduceRows(x.data, x.shape, ints(o, "axes", [...x.shape.keys()]), f);
  };
  return op(name, "x: numbers, axes: ints?, keep_dims: flag?", reduceRule, doc, {
    run,
    flops: perInput(1),
  });
}

const sum = (row: Float64Array): number => row.reduce((a, x) => a + x, 0);
const largest = (row: Float64Array): number =>
  row.reduce((a, x) => Math.max(a, x), Number.NEGATIVE_INFINITY);
const smallest = (row: Float64Array): number =>
  row.reduce((a, x) => Math.min(a, x), Number.POSITIVE_INFINITY);

/** ln Σ eˣ, with the largest x taken out so that no exponential overflows. */
function logSumExp(row: Float64Array): number {
  const top = largest(row);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(row.reduce((a, x) => a + Math.exp(x - top), 0));
}

function argument(name: string, doc: string, f: (row: Float64Array) => number): MilOp {
  const run: Meaning = (o) => {
    const x = one(o, "x");
    return reduceRows(x.data, x.shape, [int(o, "axis", -1)], (row) => row.indexOf(f(row)));
  };
  const args = "x: numbers, axis: int?, keep_dims: flag?, output_dtype: text(int32|uint16)?";
  return op(name, args, argRule, doc, { run, flops: perInput(1) });
}

/** eˣ⁻ᵐ / Σ eˣ⁻ᵐ with the largest m. */
export function softmaxRow(row: Float64Array, out: Float64Array): void {
  const top = largest(row);
  let total = 0;
  for (const [i, x] of row.entries()) total += out[i] = Math.exp(x - top);
  for (let i = 0; i < out.length; i++) out[i]! /= total;
}

const runSoftmax: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const axis = axisIn(shape, int(o, "axis", -1));
  return mapRows(data, shape, axis, shape[axis]!, softmaxRow);
};

const runCumsum: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const axis = axisIn(shape, int(o, "axis", 0));
  const [isExclusive, isReverse] = [flag(o, "exclusive"), flag(o, "reverse")];
  return mapRows(data, shape, axis, shape[axis]!, (row, out) => {
    let total = 0;
    for (let k = 0; k < row.length; k++) {
      const i = isReverse ? row.length - 1 - k : k;
      out[i] = isExclusive ? total : total + row[i]!;
      total += row[i]!;
    }
  });
};

/** The order of a row; equal elements keep theirs. */
function order(row: Float64Array, isAscending: boolean): number[] {
  const sign = isAscending ? 1 : -1;
  return [...row.keys()].sort((i, j) => sign * (row[i]! - row[j]!) || i - j);
}

const runArgsort: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const axis = axisIn(shape, int(o, "axis", -1));
  const isAscending = flag(o, "ascending");
  return mapRows(data, shape, axis, shape[axis]!, (row, out) => {
    out.set(order(row, isAscending));
  });
};

/** k elements along the axis, and their places unless they are not asked for. */
const topk: Rule = (o): Answer => {
  const x = one(o, "x");
  const asked = int(o, "axis", -1);
  const axis = axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  const k = countOf(o, x.shape[axis]!);
  if (k < 1 || k > x.shape[axis]!)
    return mistake("k", `must be from 1 to ${x.shape[axis]}, not ${k}`, { x });
  const shape = resized(x.shape, axis, k);
  const values = { element: x.element, shape };
  if (!isGivenPlaces(o)) return values;
  const element = textOf(o, "output_indices_dtype", "int32");
  return [values, { element: isElementType(element) ? element : "int32", shape }];
};

const isGivenPlaces = (o: Operands): boolean => int(o, "return_indices", 1) !== 0;

/** `k`, where -1 means all. */
function countOf(o: Operands, n: number): number {
  const k = int(o, "k", 1);
  return k === -1 ? n : k;
}

const runTopk: Meanings = (o) => {
  const x: Loaded = one(o, "x");
  const axis = axisIn(x.shape, int(o, "axis", -1));
  const k = countOf(o, x.shape[axis]!);
  const isAscending = flag(o, "ascending");
  const pick = (f: (row: Float64Array, i: number) => number): Float64Array =>
    mapRows(x.data, x.shape, axis, k, (row, out) => {
      out.set(
        order(row, isAscending)
          .slice(0, k)
          .map((i) => f(row, i)),
      );
    });
  const values = pick((row, i) => row[i]!);
  return isGivenPlaces(o) ? [values, pick((_, i) => i)] : [values];
};

/** Elements further than `lower` below or `upper` above the diagonal of each matrix become 0. */
const runBandPart: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  const [lower, upper] = [int(o, "lower", -1), int(o, "upper", -1)];
  return data.map((x, i) => {
    const [m, n] = [Math.floor(i / columns) % rows, i % columns];
    return (lower < 0 || m - n <= lower) && (upper < 0 || n - m <= upper) ? x : 0;
  });
};

const bandRule: Rule = (o) => {
  const x = one(o, "x");
  return x.shape.length < 2 ? mistake("x", "needs at least two dimensions", { x }) : like("x")(o);
};

export const REDUCTIONS: readonly MilOp[] = [
  reduction("reduce_sum", "the sum over axes", sum),
  reduction("reduce_mean", "the mean over axes", (row) => sum(row) / row.length),
  reduction("reduce_max", "the largest over axes", largest),
  reduction("reduce_min", "the smallest over axes", smallest),
  reduction("reduce_prod", "the product over axes", (row) => row.reduce((a, x) => a * x, 1)),
  reduction("reduce_l1_norm", "Σ |x| over axes", (row) => row.reduce((a, x) => a + Math.abs(x), 0)),
  reduction("reduce_l2_norm", "√Σ x² over axes", (row) =>
    Math.sqrt(row.reduce((a, x) => a + x * x, 0)),
  ),
  reduction("reduce_sum_square", "Σ x² over axes", (row) => row.reduce((a, x) => a + x * x, 0)),
  reduction("reduce_log_sum", "ln Σ x over axes", (row) => Math.log(sum(row))),
  reduction("reduce_log_sum_exp", "ln Σ eˣ over axes", logSumExp),
  argument("reduce_argmax", "the place of the largest along an axis", largest),
  argument("reduce_argmin", "the place of the smallest along an axis", smallest),
  op("softmax", "x: floats, axis: int?", onAxis(-1), "eˣ / Σ eˣ along axis", {
    run: runSoftmax,
    flops: perInput(4),
  }),
  op(
    "cumsum",
    "x: numbers, axis: int?, exclusive: flag?, reverse: flag?",
    onAxis(0),
    "the sums of the elements up to each along an axis",
    { run: runCumsum, flops: perInput(1) },
  ),
  op(
    "argsort",
    "x: numbers, axis: int?, ascending: flag?",
    (o) => {
      const answer = onAxis(-1)(o);
      return typeof answer === "object" && "shape" in answer
        ? { ...answer, element: "int32" }
        : answer;
    },
    "the places that sort an axis",
    { run: runArgsort, flops: perInput(1) },
  ),
  op(
    "topk",
    "x: numbers, k: int?, axis: int?, ascending: flag?, sort: flag?, return_indices: flag?, output_indices_dtype: text(int32|uint16)?",
    topk,
    "the largest elements along an axis, and their places",
    { runs: runTopk, results: [1, 2], flops: perInput(1) },
  ),
  op("band_part", "x: values, lower: int?, upper: int?", bandRule, "the diagonals of each matrix", {
    run: runBandPart,
  }),
];
