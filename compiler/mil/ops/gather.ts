/** Ops that pick elements by indices, and put them back. */
import { milDoesNotFit } from "../../messages/mil.ts";
import { UserError } from "../../support/diagnostic.ts";
import {
  axisOf,
  differ,
  int,
  maybe,
  mayEqual,
  mistake,
  type Operands,
  one,
  type Rule,
  resized,
  shapeText,
  sizeOf,
  textOf,
} from "../infer.ts";
import { type LoadedOperands, type Meaning, stridesOf, tabulate, zeros } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";

/** An index from 0; negative ones count from the end. Throws a `UserError` (E0356) outside 0..n-1. */
function placeOf(name: string, index: number, n: number): number {
  const found = axisOf(index, n);
  if (found !== undefined) return found;
  const expected = `must lie in 0..${n - 1}, not ${index}`;
  throw new UserError(milDoesNotFit(name, "indices", expected, []));
}

/** x[.., indices, ..] along one axis; the first `batch_dims` dimensions of both go together. */
const gather: Rule = (o) => {
  const x = one(o, "x");
  const indices = one(o, "indices");
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  const batch = int(o, "batch_dims", 0);
  const shared = x.shape.slice(0, batch).every((n, i) => !differ(n, indices.shape[i]));
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

const runGather: Meaning = (o, out) => {
  const x = one(o, "x");
  const indices = one(o, "indices");
  const axis = axisOf(int(o, "axis", 0), x.shape.length)!;
  const batches = sizeOf(x.shape.slice(0, int(o, "batch_dims", 0)));
  const outer = sizeOf(x.shape.slice(0, axis)) / Math.max(1, batches);
  const inner = sizeOf(x.shape.slice(axis + 1));
  const [n, count] = [x.shape[axis]!, indices.data.length / Math.max(1, batches)];
  const result = zeros(out.shape);
  let at = 0;
  for (let i = 0; i < batches * outer; i++) {
    for (let j = 0; j < count; j++, at += inner) {
      const index = indices.data[Math.floor(i / outer) * count + j]!;
      const from = (i * n + placeOf("gather", index, n)) * inner;
      result.set(x.data.subarray(from, from + inner), at);
    }
  }
  return result;
};

/** Indices have the shape of `argument` except along the axis. */
const alongAxis =
  (argument: string): Rule =>
  (o) => {
    const x = one(o, argument);
    const indices = one(o, "indices");
    const asked = int(o, "axis", 0);
    const axis = axisOf(asked, x.shape.length);
    if (axis === undefined)
      return mistake("axis", `must be an axis of \`${argument}\`, not ${asked}`, { [argument]: x });
    if (!mayEqual(resized(indices.shape, axis, 0), resized(x.shape, axis, 0))) {
      return mistake("indices", `may differ from \`${argument}\` only along axis ${axis}`, {
        indices,
        [argument]: x,
      });
    }
    if (argument === "x") return { element: x.element, shape: indices.shape };
    const updates = one(o, "updates");
    return mayEqual(updates.shape, indices.shape)
      ? { element: x.element, shape: x.shape }
      : mistake("updates", "must have the shape of `indices`", { updates, indices });
  };

const runGatherAlongAxis: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const axis = axisOf(int(o, "axis", 0), shape.length)!;
  const indices = one(o, "indices").data;
  const strides = stridesOf(shape);
  let at = 0;
  return tabulate(out.shape, (index) => {
    const place = placeOf("gather_along_axis", indices[at++]!, shape[axis]!);
    return data[index.reduce((sum, n, i) => sum + strides[i]! * (i === axis ? place : n), 0)]!;
  });
};

/** The last dimension of the indices names the first dimensions of `argument` behind the batches. */
const multiIndex =
  (argument: string): Rule =>
  (o) => {
    const x = one(o, argument);
    const indices = one(o, "indices");
    const batch = int(o, "batch_dims", 0);
    const depth = indices.shape.at(-1);
    if (depth === undefined) return mistake("indices", "needs a dimension", { indices });
    if (Number.isNaN(depth)) return "open";
    const shared = x.shape.slice(0, batch).every((n, i) => !differ(n, indices.shape[i]));
    if (batch < 0 || batch >= indices.shape.length || batch >= x.shape.length || !shared) {
      return mistake("batch_dims", "must count leading dimensions that both have", { indices });
    }
    if (depth + batch > x.shape.length) {
      return mistake("indices", `names more dimensions than \`${argument}\` has`, {
        indices,
        [argument]: x,
      });
    }
    const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(batch + depth)];
    if (argument === "x") return { element: x.element, shape };
    const updates = one(o, "updates");
    return mayEqual(updates.shape, shape)
      ? { element: x.element, shape: x.shape }
      : mistake("updates", `must have the shape ${shapeText(shape)}`, { updates });
  };

/** Calls `visit` with the place in x and the number of each slice that the indices name. */
function eachSlice(
  name: string,
  x: { readonly shape: readonly number[] },
  o: LoadedOperands,
  visit: (from: number, slice: number, size: number) => void,
): void {
  const { data, shape } = one(o, "indices");
  const batch = int(o, "batch_dims", 0);
  const depth = shape.at(-1)!;
  const strides = stridesOf(x.shape);
  const size = sizeOf(x.shape.slice(batch + depth));
  const perBatch = sizeOf(shape.slice(batch, -1));
  for (let slice = 0; slice < sizeOf(shape.slice(0, -1)); slice++) {
    let from = batch === 0 ? 0 : Math.floor(slice / perBatch) * strides[batch - 1]!;
    for (let d = 0; d < depth; d++) {
      const index = data[slice * depth + d]!;
      from += placeOf(name, index, x.shape[batch + d]!) * strides[batch + d]!;
    }
    visit(from, slice, size);
  }
}

const runGatherNd: Meaning = (o, out) => {
  const x = one(o, "x");
  const result = zeros(out.shape);
  eachSlice("gather_nd", x, o, (from, slice, size) => {
    result.set(x.data.subarray(from, from + size), slice * size);
  });
  return result;
};

/** data.shape with the axis replaced by the shape of the indices is the shape of the updates. */
const scatter: Rule = (o) => {
  const data = one(o, "data");
  const [indices, updates] = [one(o, "indices"), one(o, "updates")];
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, data.shape.length);
  if (axis === undefined)
    return mistake("axis", `must be an axis of \`data\`, not ${asked}`, { data });
  const shape = data.shape.toSpliced(axis, 1, ...indices.shape);
  if (!mayEqual(updates.shape, shape)) {
    return mistake("updates", `must have the shape ${shapeText(shape)}`, { updates, data });
  }
  return { element: data.element, shape: data.shape };
};

const COMBINE: Readonly<Record<string, (old: number, update: number) => number>> = {
  update: (_, u) => u,
  add: (x, u) => x + u,
  sub: (x, u) => x - u,
  mul: (x, u) => x * u,
  div: (x, u) => x / u,
  max: Math.max,
  min: Math.min,
};

const combining = (o: Operands) => COMBINE[textOf(o, "mode", "add")]!;

const runScatter: Meaning = (o) => {
  const { data, shape } = one(o, "data");
  const [indices, updates] = [one(o, "indices").data, one(o, "updates").data];
  const axis = axisOf(int(o, "axis", 0), shape.length)!;
  const inner = sizeOf(shape.slice(axis + 1));
  const combine = combining(o);
  const result = data.slice();
  for (let i = 0; i < updates.length; i++) {
    const j = Math.floor(i / inner) % indices.length;
    const outer = Math.floor(i / inner / indices.length);
    const place = placeOf("scatter", indices[j]!, shape[axis]!);
    const at = (outer * shape[axis]! + place) * inner + (i % inner);
    result[at] = combine(result[at]!, updates[i]!);
  }
  return result;
};

const runScatterAlongAxis: Meaning = (o) => {
  const { data, shape } = one(o, "data");
  const indices = one(o, "indices");
  const updates = one(o, "updates").data;
  const axis = axisOf(int(o, "axis", 0), shape.length)!;
  const strides = stridesOf(shape);
  const combine = combining(o);
  const result = data.slice();
  let at = 0;
  tabulate(indices.shape, (index) => {
    const place = placeOf("scatter_along_axis", indices.data[at]!, shape[axis]!);
    const to = index.reduce((sum, n, i) => sum + strides[i]! * (i === axis ? place : n), 0);
    result[to] = combine(result[to]!, updates[at++]!);
    return 0;
  });
  return result;
};

const runScatterNd: Meaning = (o) => {
  const x = one(o, "data");
  const updates = one(o, "updates").data;
  const combine = combining(o);
  const result = x.data.slice();
  eachSlice("scatter_nd", x, o, (from, slice, size) => {
    for (let i = 0; i < size; i++) {
      result[from + i] = combine(result[from + i]!, updates[slice * size + i]!);
    }
  });
  return result;
};

/** A new axis of `one_hot_vector_size` elements; its values have the type of `on_value`. */
const oneHot: Rule = (o) => {
  const indices = one(o, "indices");
  const asked = int(o, "axis", -1);
  const axis = axisOf(asked, indices.shape.length + 1);
  if (axis === undefined) return mistake("axis", `must be an axis of the result, not ${asked}`);
  const size = int(o, "one_hot_vector_size", 0);
  if (size < 0) return mistake("one_hot_vector_size", "must not be negative");
  const [on, off] = [maybe(o, "on_value"), maybe(o, "off_value")];
  if (on !== undefined && off !== undefined && on.element !== off.element)
    return mistake("off_value", "must have the type of `on_value`", { off_value: off });
  const element = on?.element ?? off?.element ?? "int32";
  return { element, shape: indices.shape.toSpliced(axis, 0, size) };
};

const runOneHot: Meaning = (o, out) => {
  const indices = one(o, "indices");
  const axis = axisOf(int(o, "axis", -1), out.shape.length)!;
  const strides = stridesOf(indices.shape).toSpliced(axis, 0, 0);
  const [on, off] = [maybe(o, "on_value")?.data[0] ?? 1, maybe(o, "off_value")?.data[0] ?? 0];
  return tabulate(out.shape, (index) => {
    const from = index.reduce((sum, n, i) => sum + n * strides[i]!, 0);
    return indices.data[from] === index[axis] ? on : off;
  });
};

const MODES = "mode: text(update|add|sub|mul|div|max|min)?, validate_indices: flag?";

export const GATHERS: readonly MilOp[] = [
  op(
    "gather",
    "x: values, indices: wholes, axis: int?, batch_dims: int?, validate_indices: flag?",
    gather,
    "the slices of x at the indices",
    { run: runGather },
  ),
  op(
    "gather_along_axis",
    "x: values, indices: wholes, axis: int?, validate_indices: flag?",
    alongAxis("x"),
    "the elements of x at the indices along an axis",
    { run: runGatherAlongAxis },
  ),
  op(
    "gather_nd",
    "x: values, indices: wholes, batch_dims: int?, validate_indices: flag?",
    multiIndex("x"),
    "the slices of x at places of several dimensions",
    { run: runGatherNd },
  ),
  op(
    "scatter",
    `data: numbers, indices: wholes, updates: numbers, axis: int?, ${MODES}`,
    scatter,
    "data with slices combined with updates",
    { run: runScatter },
  ),
  op(
    "scatter_along_axis",
    `data: numbers, indices: wholes, updates: numbers, axis: int?, ${MODES}`,
    alongAxis("data"),
    "data with elements along an axis combined with updates",
    { run: runScatterAlongAxis },
  ),
  op(
    "scatter_nd",
    `data: numbers, indices: wholes, updates: numbers, ${MODES}`,
    multiIndex("data"),
    "data with slices at places of several dimensions combined with updates",
    { run: runScatterNd },
  ),
  op(
    "one_hot",
    "indices: wholes, one_hot_vector_size: int, axis: int?, on_value: number?, off_value: number?",
    oneHot,
    "a vector for each index, off_value except at the index",
    { run: runOneHot },
  ),
];
