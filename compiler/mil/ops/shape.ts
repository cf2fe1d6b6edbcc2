/** Ops that keep the elements and change the shape, or only permute whole dimensions. */
import {
  type Answer,
  axesOf,
  axisOf,
  differ,
  int,
  ints,
  mistake,
  type Operand,
  one,
  type Rule,
  resized,
  shapeText,
  sizeOf,
} from "../infer.ts";
import { type Meaning, permute, stridesOf, tabulate, view } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";

const same: Meaning = (o) => one(o, "x").data.slice();

/** One dimension may be -1: it takes what is left. A 0 keeps the dimension of x. */
const reshape: Rule = (o) => {
  const x = one(o, "x");
  const given = ints(o, "shape", []);
  const keeps = given.length === x.shape.length && sizeOf(x.shape) !== 0;
  const asked = given.map((n, i) => (n === 0 && keeps ? x.shape[i]! : n));
  return reshaped(x, asked, "shape");
};

function reshaped(x: Operand, asked: readonly number[], argument: string): Answer {
  const total = sizeOf(x.shape);
  const known = sizeOf(asked.filter((n) => n !== -1));
  const open = asked.filter((n) => n === -1).length;
  const left = known === 0 ? 0 : total / known;
  const fits =
    open === 0
      ? !differ(known, total)
      : open === 1 && known !== 0 && (Number.isInteger(left) || Number.isNaN(left));
  if (!fits || asked.some((n) => n < -1)) {
    const count = Number.isNaN(total) ? "the" : `the ${total}`;
    return mistake(argument, `must have ${count} elements of \`x\`, not ${shapeText(asked)}`, {
      x,
    });
  }
  return { element: x.element, shape: asked.map((n) => (n === -1 ? left : n)) };
}

/** Dimensions begins[i]..ends[i] of each reference, one after another. */
const reshapeLike: Rule = (o) => {
  const x = one(o, "x");
  const references = o.get("ref_tensors") ?? [];
  const shape: number[] = [];
  for (const [i, reference] of references.entries()) {
    const [begin, end, masked] = ["begins", "ends", "end_masks"].map((name) => {
      return o.get(name)?.[i]?.ints?.[0];
    });
    if (begin === undefined || end === undefined || masked === undefined) {
      return mistake("ref_tensors", "needs a begin, an end and an end mask for each");
    }
    shape.push(...reference.shape.slice(begin, masked !== 0 ? undefined : end));
  }
  return reshaped(x, shape, "ref_tensors");
};

/** Dimension i of the result is dimension perm[i] of x. */
const transpose: Rule = (o) => {
  const x = one(o, "x");
  const perm = ints(o, "perm", []);
  const axes = perm.length === x.shape.length ? axesOf(perm, x.shape.length) : undefined;
  if (axes === undefined) {
    return mistake("perm", `must name each axis of \`x\` once, not [${perm.join(", ")}]`, { x });
  }
  return { element: x.element, shape: axes.map((a) => x.shape[a]!) };
};

/** Axes are those of the result. */
const expandDims: Rule = (o) => {
  const x = one(o, "x");
  const asked = ints(o, "axes", []);
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
const squeeze: Rule = (o) => {
  const x = one(o, "x");
  const given = ints(o, "axes", undefined);
  if (given === undefined && x.shape.some(Number.isNaN)) return "open";
  const asked = given ?? x.shape.flatMap((n, i) => (n === 1 ? [i] : []));
  const axes = axesOf(asked, x.shape.length);
  if (axes === undefined || axes.some((a) => differ(x.shape[a], 1))) {
    return mistake("axes", `must be axes of one element, not [${asked.join(", ")}]`, { x });
  }
  return { element: x.element, shape: x.shape.filter((_, i) => !axes.includes(i)) };
};

/** [d₀·…·dₐ₋₁, dₐ·…] */
const flatten2d: Rule = (o) => {
  const x = one(o, "x");
  const asked = int(o, "axis", 1);
  const axis = asked === x.shape.length ? asked : axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  return {
    element: x.element,
    shape: [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))],
  };
};

const reverse: Rule = (o) => {
  const x = one(o, "x");
  const axes = ints(o, "axes", []);
  if (axesOf(axes, x.shape.length) === undefined) {
    return mistake("axes", `must be axes of \`x\`, not [${axes.join(", ")}]`, { x });
  }
  return { element: x.element, shape: x.shape };
};

/** Strides of the reversed axes are negative, from their last element on. */
const runReverse: Meaning = (o) => {
  const { data, shape } = one(o, "x");
  const all = [...shape.keys()];
  const axes = axesOf(ints(o, "axes", all), shape.length) ?? all;
  const strides = stridesOf(shape).map((s, i) => (axes.includes(i) ? -s : s));
  if (sizeOf(shape) === 0) return data.slice();
  const offset = axes.reduce((sum, a) => sum - strides[a]! * (shape[a]! - 1), 0);
  return view(data, shape, strides, offset);
};

const reverseSequence: Rule = (o) => {
  const x = one(o, "x");
  const lengths = one(o, "lengths");
  for (const name of ["seq_axis", "batch_axis"]) {
    const asked = int(o, name, 0);
    if (axisOf(asked, x.shape.length) === undefined)
      return mistake(name, `must be an axis of \`x\`, not ${asked}`, { x });
  }
  const batches = x.shape[axisOf(int(o, "batch_axis", 0), x.shape.length)!];
  if (lengths.shape.length !== 1 || differ(lengths.shape[0], batches)) {
    return mistake("lengths", "needs one number for each batch", { lengths, x });
  }
  return { element: x.element, shape: x.shape };
};

/** The first lengths[b] elements of batch b are reversed. */
const runReverseSequence: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const lengths = one(o, "lengths").data;
  const strides = stridesOf(shape);
  const sequence = axisOf(int(o, "seq_axis", 0), shape.length)!;
  const batch = axisOf(int(o, "batch_axis", 0), shape.length)!;
  return tabulate(out.shape, (index) => {
    const [at, length] = [index[sequence]!, lengths[index[batch]!]!];
    const from = at < length ? length - 1 - at : at;
    return data[index.reduce((sum, n, i) => sum + strides[i]! * (i === sequence ? from : n), 0)]!;
  });
};

/** The sizes of the dimensions, as a list. */
const shapeRule: Rule = (o) => ({ element: "int32", shape: [one(o, "x").shape.length] });

/** The windows become a dimension behind the axis. */
const slidingWindows: Rule = (o) => {
  const x = one(o, "x");
  const asked = int(o, "axis", 0);
  const axis = axisOf(asked, x.shape.length);
  if (axis === undefined) return mistake("axis", `must be an axis of \`x\`, not ${asked}`, { x });
  const [size, stride] = [int(o, "size", 1), int(o, "stride", 1)];
  if (size < 1 || size > x.shape[axis]!) return mistake("size", "must fit into the axis", { x });
  if (stride < 1) return mistake("stride", "must be 1 or more", { x });
  const count = Math.floor((x.shape[axis]! - size) / stride) + 1;
  return { element: x.element, shape: resized(x.shape, axis, count).toSpliced(axis + 1, 0, size) };
};

const runSlidingWindows: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const axis = axisOf(int(o, "axis", 0), shape.length)!;
  const strides = stridesOf(shape);
  const step = strides[axis]!;
  const windows = strides.map((s, i) => (i === axis ? step * int(o, "stride", 1) : s));
  return view(data, out.shape, windows.toSpliced(axis + 1, 0, step));
};

export const SHAPES: readonly MilOp[] = [
  op("reshape", "x: values, shape: ints", reshape, "the elements of x in row-major order", {
    run: same,
  }),
  op(
    "reshape_like",
    "x: values, ref_tensors: values*, begins: int*, ends: int*, end_masks: flag*",
    reshapeLike,
    "x with dimensions of other tensors",
    { run: same },
  ),
  op("transpose", "x: values, perm: ints", transpose, "dimension i of the result is perm[i] of x", {
    run: (o) => {
      const x = one(o, "x");
      return permute(x.data, x.shape, axesOf(ints(o, "perm", []), x.shape.length)!);
    },
  }),
  op("expand_dims", "x: values, axes: ints", expandDims, "x with new dimensions of one element", {
    run: same,
  }),
  op("squeeze", "x: values, axes: ints?", squeeze, "x without dimensions of one element", {
    run: same,
  }),
  op("flatten2d", "x: values, axis: int?", flatten2d, "the dimensions before and from an axis", {
    run: same,
  }),
  op("reverse", "x: values, axes: ints?", reverse, "x backwards along axes", { run: runReverse }),
  op(
    "reverse_sequence",
    "x: values, lengths: wholes, seq_axis: int?, batch_axis: int?",
    reverseSequence,
    "the first elements of each batch backwards",
    { run: runReverseSequence },
  ),
  op("shape", "x: values", shapeRule, "the sizes of the dimensions of x", {
    run: (o) => Float64Array.from(one(o, "x").shape),
  }),
  op(
    "sliding_windows",
    "x: values, axis: int, size: int, stride: int?",
    slidingWindows,
    "overlapping windows along an axis",
    { run: runSlidingWindows },
  ),
];
