/** Ops that cut boxes out of tensors, put them back, and add or take borders. */

import { milCannotInterpret } from "../../messages/mil_run.ts";
import { UserError } from "../../support/diagnostic.ts";
import {
  ints,
  isMistake,
  type Mistake,
  maybe,
  mayEqual,
  mistake,
  type Operand,
  type Operands,
  one,
  type Rule,
  rankMistake,
  resultsOf,
  shapedText,
  sizeOf,
} from "../infer.ts";
import { type Meaning, stridesOf, tabulate, view, walk } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";

/** A size of -1 reaches to the end of its axis. */
const sliceBySize: Rule = (o) => {
  const x = one(o, "x");
  const begin = ints(o, "begin", []);
  const size = ints(o, "size", []);
  for (const [name, list] of [
    ["begin", begin],
    ["size", size],
  ] as const) {
    if (list.length !== x.shape.length)
      return mistake(name, "needs one number for each dimension", { x });
  }
  const shape = size.map((n, i) => (n === -1 ? x.shape[i]! - begin[i]! : n));
  const outside = shape.some((n, i) => begin[i]! < 0 || n < 0 || begin[i]! + n > x.shape[i]!);
  if (outside) {
    const box = begin.map((b, i) => `${b}..${b + shape[i]!}`).join(", ");
    return mistake("size", `reaches outside \`x\`: [${box}]`, { x });
  }
  return { element: x.element, shape };
};

const runSliceBySize: Meaning = (o, out) => {
  const x = one(o, "x");
  const strides = stridesOf(x.shape);
  const offset = one(o, "begin").data.reduce((sum, b, i) => sum + b * strides[i]!, 0);
  return view(x.data, out.shape, strides, offset);
};

/** One dimension of a slice: first element, step and count. */
interface Cut {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly isSqueezed: boolean;
}

/** The dimensions of `x[begin : end : stride]` as Python counts them; masks leave an end open. */
function cutsOf(o: Operands, x: Operand): readonly Cut[] | Mistake {
  const list = (name: string, otherwise: number): readonly number[] =>
    ints(o, name, undefined) ?? x.shape.map(() => otherwise);
  const [begin, end, stride] = [list("begin", 0), list("end", 0), list("stride", 1)];
  const masks = ["begin_mask", "end_mask", "squeeze_mask"].map((name) => list(name, 0));
  const named = {
    begin,
    end,
    stride,
    begin_mask: masks[0]!,
    end_mask: masks[1]!,
    squeeze_mask: masks[2]!,
  };
  for (const [name, values] of Object.entries(named)) {
    if (values.length !== x.shape.length)
      return mistake(name, "needs one value for each dimension", { x });
  }
  const zero = stride.indexOf(0);
  if (zero >= 0) return mistake("stride", "must not be 0", { x });
  const cuts = x.shape.map((n, i): Cut => {
    const [step, b] = [stride[i]!, begin[i]!];
    if (masks[2]![i] !== 0) {
      const from = masks[0]![i] !== 0 ? 0 : b < 0 ? b + n : b;
      return { from, step: 1, count: 1, isSqueezed: true };
    }
    const place = (at: number): number => {
      const counted = at < 0 ? at + n : at;
      return step > 0 ? Math.min(n, Math.max(0, counted)) : Math.min(n - 1, Math.max(-1, counted));
    };
    const from = masks[0]![i] !== 0 ? (step > 0 ? 0 : n - 1) : place(b);
    const to = masks[1]![i] !== 0 ? (step > 0 ? n : -1) : place(end[i]!);
    return { from, step, count: Math.max(0, Math.ceil((to - from) / step)), isSqueezed: false };
  });
  const bad = cuts.findIndex((c, i) => c.isSqueezed && (c.from < 0 || c.from >= x.shape[i]!));
  if (bad >= 0) return mistake("begin", `must lie inside dimension ${bad} of \`x\``, { x });
  return cuts;
}

const isCuts = (cuts: readonly Cut[] | Mistake): cuts is readonly Cut[] => !("argument" in cuts);

const sliceByIndex: Rule = (o) => {
  const x = one(o, "x");
  const cuts = cutsOf(o, x);
  if (!isCuts(cuts)) return cuts;
  const shape = cuts.filter((c) => !c.isSqueezed).map((c) => c.count);
  return { element: x.element, shape };
};

/** Where the elements of a slice lie in x. */
function placed(
  o: Operands,
  x: Operand,
): readonly [strides: number[], offset: number, counts: number[]] {
  const cuts = cutsOf(o, x) as readonly Cut[];
  const strides = stridesOf(x.shape);
  const offset = cuts.reduce((sum, c, i) => sum + c.from * strides[i]!, 0);
  return [cuts.map((c, i) => c.step * strides[i]!), offset, cuts.map((c) => c.count)];
}

const runSliceByIndex: Meaning = (o) => {
  const x = one(o, "x");
  const [strides, offset, counts] = placed(o, x);
  return view(x.data, counts, strides, offset);
};

/** The update has the shape of the slice that it replaces. */
const sliceUpdate: Rule = (o) => {
  const x = one(o, "x");
  const update = one(o, "update");
  if (x.element !== update.element)
    return mistake("update", "must have the elements of `x`", { update, x });
  const slice = sliceByIndex(o);
  if (slice === "open" || isMistake(slice)) return slice;
  const box = resultsOf(slice)[0]!;
  if (!mayEqual(box.shape, update.shape)) {
    return mistake("update", `must be as large as the slice, ${shapedText(box)}`, { update, x });
  }
  return { element: x.element, shape: x.shape };
};

const runSliceUpdate: Meaning = (o) => {
  const x = one(o, "x");
  const update = one(o, "update").data;
  const [strides, offset, counts] = placed(o, x);
  const out = x.data.slice();
  walk(counts, strides, offset, (from, i) => {
    out[from] = update[i]!;
  });
  return out;
};

/** Elements before and after each dimension; a shorter list is of the last dimensions. */
function paddingOf(o: Operands, rank: number): readonly (readonly [number, number])[] | undefined {
  const given = ints(o, "pad", []);
  if (given.length % 2 !== 0 || given.length > 2 * rank) return undefined;
  const missing = rank - given.length / 2;
  return Array.from({ length: rank }, (_, i) => {
    const k = 2 * (i - missing);
    return k < 0 ? [0, 0] : [given[k]!, given[k + 1]!];
  });
}

const pad: Rule = (o) => {
  const x = one(o, "x");
  const padding = paddingOf(o, x.shape.length);
  if (padding === undefined)
    return mistake("pad", "needs two numbers for each of the last dimensions", { x });
  if (padding.flat().some((n) => n < 0)) return mistake("pad", "must not be negative", { x });
  const mode = maybe(o, "mode")?.text ?? "constant";
  const most = mode === "reflect" ? 1 : 0;
  const tooWide = padding.some((p, i) => Math.max(...p) > Math.max(0, x.shape[i]! - most));
  if ((mode === "reflect" || mode === "symmetric") && tooWide)
    return mistake("pad", "reaches further than the elements that it reflects", { x });
  return { element: x.element, shape: x.shape.map((n, i) => n + padding[i]![0] + padding[i]![1]) };
};

/** Where place `i` of a padded axis of n elements comes from; undefined is the constant. */
function sourceOf(mode: string, i: number, n: number): number | undefined {
  if (i >= 0 && i < n) return i;
  if (mode === "constant") return undefined;
  if (mode === "replicate") return i < 0 ? 0 : n - 1;
  const edge = mode === "reflect" ? 0 : 1;
  return i < 0 ? -i - edge : 2 * (n - 1) - i + edge;
}

const runPad: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const mode = maybe(o, "mode")?.text ?? "constant";
  const value = maybe(o, "constant_val")?.data[0] ?? 0;
  const padding = paddingOf(o, shape.length)!;
  const strides = stridesOf(shape);
  if (sizeOf(shape) === 0 && mode !== "constant")
    throw new UserError(milCannotInterpret(undefined, "pad of nothing"));
  return tabulate(out.shape, (index) => {
    let from = 0;
    for (const [axis, at] of index.entries()) {
      const place = sourceOf(mode, at - padding[axis]![0], shape[axis]!);
      if (place === undefined) return value;
      from += place * strides[axis]!;
    }
    return data[from]!;
  });
};

/** Rows and columns are taken off the last two dimensions. */
const crop: Rule = (o) => {
  const x = one(o, "x");
  const wrong = rankMistake("x", x, 3, 99);
  if (wrong !== undefined) return wrong;
  const cuts = [ints(o, "crop_height", []), ints(o, "crop_width", [])];
  const size = cuts.map((c, i) => x.shape.at(i - 2)! - (c[0] ?? 0) - (c[1] ?? 0));
  for (const [i, name] of ["crop_height", "crop_width"].entries()) {
    if (cuts[i]!.length !== 2 || cuts[i]!.some((n) => n < 0) || size[i]! < 0)
      return mistake(name, "must be two numbers that leave a part of `x`", { x });
  }
  return { element: x.element, shape: [...x.shape.slice(0, -2), ...size] };
};

const runCrop: Meaning = (o, out) => {
  const { data, shape } = one(o, "x");
  const strides = stridesOf(shape);
  const [top, left] = [ints(o, "crop_height", [0])[0]!, ints(o, "crop_width", [0])[0]!];
  return view(data, out.shape, strides, top * strides.at(-2)! + left);
};

const SLICE =
  "begin: ints, end: ints, stride: ints?, begin_mask: flags?, end_mask: flags?, squeeze_mask: flags?";

export const SLICES: readonly MilOp[] = [
  op("slice_by_size", "x: values, begin: ints, size: ints", sliceBySize, "a box of x", {
    run: runSliceBySize,
  }),
  op("slice_by_index", `x: values, ${SLICE}`, sliceByIndex, "x[begin : end : stride]", {
    run: runSliceByIndex,
  }),
  op(
    "slice_update",
    `x: values, update: values, ${SLICE}`,
    sliceUpdate,
    "x with a slice replaced",
    {
      run: runSliceUpdate,
    },
  ),
  op(
    "pad",
    "x: values, pad: ints, mode: text(constant|reflect|replicate|symmetric)?, constant_val: number?",
    pad,
    "x with elements around it",
    { run: runPad },
  ),
  op("crop", "x: floats, crop_height: ints, crop_width: ints", crop, "x without its borders", {
    run: runCrop,
  }),
];
