/** Ops that put tensors side by side, and take them apart. */
import {
  type Answer,
  axisOf,
  differ,
  flag,
  int,
  ints,
  leaves,
  maybe,
  mayEqual,
  mistake,
  type Operand,
  one,
  type Rule,
  resized,
  sizeOf,
} from "../infer.ts";
import { type Meaning, type Meanings, stridesOf, view } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";

/** Scalars become a list. */
const concat: Rule = (o) => {
  const values = (o.get("values") ?? []).map((v) =>
    v.shape.length === 0 ? { ...v, shape: [1] } : v,
  );
  const first = values[0];
  if (first === undefined) return mistake("values", "needs at least one value");
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, first.shape.length);
  if (axis === undefined)
    return mistake("axis", `must be an axis of the values, not ${asked}`, { values });
  const isSame = (v: Operand): boolean =>
    v.element === first.element && v.shape.length === first.shape.length;
  for (const value of values) {
    const fits =
      isSame(value) && value.shape.every((n, i) => i === axis || !differ(n, first.shape[i]));
    if (!fits) return mistake("values", `may differ only along axis ${axis}`, { values });
    if (flag(o, "interleave") && differ(value.shape[axis], first.shape[axis]))
      return mistake("values", "must have one shape to be interleaved", { values });
  }
  const total = values.reduce((sum, v) => sum + v.shape[axis]!, 0);
  // An unknown size of one value may be known from another.
  const shape = first.shape.map(
    (_, i) => values.find((v) => !Number.isNaN(v.shape[i]))?.shape[i] ?? Number.NaN,
  );
  return { element: first.element, shape: resized(shape, axis, total) };
};

const runConcat: Meaning = (o, out) => {
  const values = o.get("values")!;
  const axis = axisOf(int(o, "axis", 0), out.shape.length)!;
  const result = new Float64Array(sizeOf(out.shape));
  const inner = sizeOf(out.shape.slice(axis + 1));
  const row = inner * out.shape[axis]!;
  const isMixed = flag(o, "interleave");
  let at = 0;
  for (const { data, shape } of values) {
    // Interleaved values give one slice in turn; others all of theirs.
    const part = isMixed ? inner : sizeOf(shape.slice(axis));
    const step = isMixed ? inner * values.length : row;
    for (let from = 0, to = at; part > 0 && from < data.length; from += part, to += step) {
      result.set(data.subarray(from, from + part), to);
    }
    at += part;
  }
  return result;
};

/** Values of one shape along a new axis. */
const stack: Rule = (o) => {
  const values = o.get("values") ?? [];
  const first = values[0];
  if (first === undefined) return mistake("values", "needs at least one value");
  if (values.some((v) => v.element !== first.element || !mayEqual(v.shape, first.shape)))
    return mistake("values", "must have one type", { values });
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, first.shape.length + 1);
  if (axis === undefined)
    return mistake("axis", `must be an axis of the result, not ${asked}`, { values });
  return { element: first.element, shape: first.shape.toSpliced(axis, 0, values.length) };
};

const runStack: Meaning = (o, out) => {
  const values = o.get("values")!;
  const axis = axisOf(int(o, "axis", 0), out.shape.length)!;
  const inner = sizeOf(out.shape.slice(axis + 1));
  const result = new Float64Array(sizeOf(out.shape));
  for (const [k, { data }] of values.entries()) {
    for (let i = 0; i < data.length; i++) {
      const outer = Math.floor(i / inner);
      result[(outer * values.length + k) * inner + (i % inner)] = data[i]!;
    }
  }
  return result;
};

/** No program splits into more. */
const MOST_PARTS = 65_536;

/** The sizes of the parts along the axis, or a mistake. */
const split: Rule = (o): Answer => {
  const x = one(o, "x");
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  const n = x.shape[axis]!;
  const sizes = ints(o, "split_sizes", undefined);
  const parts = maybe(o, "num_splits")?.ints?.[0] ?? sizes?.length;
  if (parts === undefined) return mistake("num_splits", "or `split_sizes` must be given", { x });
  if (parts < 1 || parts > MOST_PARTS) {
    return mistake("num_splits", `must be from 1 to ${MOST_PARTS}, not ${parts}`, { x });
  }
  if (sizes === undefined && leaves(n, parts)) {
    return mistake("num_splits", `must divide the ${n} elements along axis ${axis}`, { x });
  }
  const list = sizes ?? Array.from({ length: parts }, () => n / parts);
  const total = list.reduce((a, b) => a + b, 0);
  if (list.length !== parts || list.some((s) => s < 0) || differ(total, n)) {
    return mistake("split_sizes", `must be ${parts} sizes that add up to ${n}`, { x });
  }
  return list.map((size) => ({ element: x.element, shape: resized(x.shape, axis, size) }));
};

const runSplit: Meanings = (o, outs) => {
  const x = one(o, "x");
  const strides = stridesOf(x.shape);
  const axis = axisOf(int(o, "axis", 0), x.shape.length)!;
  let from = 0;
  return outs.map((out) => {
    const part = view(x.data, out.shape, strides, from * strides[axis]!);
    from += out.shape[axis]!;
    return part;
  });
};

/** Dimension i of the result is reps[i] times that of x. */
const tile: Rule = (o) => {
  const x = one(o, "x");
  const reps = ints(o, "reps", []);
  if (reps.length !== x.shape.length || reps.some((n) => n < 1)) {
    return mistake("reps", "needs one number from 1 for each dimension", { x });
  }
  return { element: x.element, shape: x.shape.map((n, i) => n * reps[i]!) };
};

const runTile: Meaning = (o) => {
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

export const JOINS: readonly MilOp[] = [
  op(
    "concat",
    "values: values*, axis: int, interleave: flag?",
    concat,
    "the values one after another",
    {
      run: runConcat,
    },
  ),
  op("stack", "values: values*, axis: int", stack, "the values along a new axis", {
    run: runStack,
  }),
  op(
    "split",
    "x: values, num_splits: int?, split_sizes: ints?, axis: int",
    split,
    "x in parts along an axis",
    { runs: runSplit, results: [1, MOST_PARTS] },
  ),
  op("tile", "x: values, reps: ints", tile, "x repeated reps[i] times along dimension i", {
    run: runTile,
  }),
];
