/** The slices of M1 and M2 along the last axis: shared by two facts. */
import type { Value } from "../../mil/tree.ts";
import type { Fix } from "./define.ts";
import { type Emitter, replacing } from "./rewrite.ts";
import { argument, ints, operand, result, type Site, type Tensor } from "./walk.ts";

/** Element i along an axis is element begin + i · stride of the operand, for i < size. */
interface Box {
  readonly begin: readonly number[];
  readonly stride: readonly number[];
  readonly size: readonly number[];
}

/** The ops that slice. */
export const SLICE_OPS = ["slice_by_size", "slice_by_index"];

/** Whether a slice takes columns that do not start at the first. */
export function startsInside(site: Site): boolean {
  if (!SLICE_OPS.includes(site.s.op)) return false;
  const isFromStart = site.s.op === "slice_by_index" && ints(site, "begin_mask")?.at(-1) === 1;
  return !isFromStart && (ints(site, "begin")?.at(-1) ?? 0) !== 0;
}

/** The elements that a slice takes, if it keeps all axes, goes forward and stays inside. */
function boxOf(site: Site, x: Tensor, out: Tensor): Box | undefined {
  const begin = ints(site, "begin");
  const isByIndex = site.s.op === "slice_by_index";
  const stride = (isByIndex ? ints(site, "stride") : undefined) ?? x.shape.map(() => 1);
  const squeezed = isByIndex ? ints(site, "squeeze_mask") : undefined;
  const fromStart = isByIndex ? ints(site, "begin_mask") : undefined;
  if (begin === undefined || out.shape.length !== x.shape.length) return undefined;
  if (stride.some((n) => n < 1) || squeezed?.includes(1)) return undefined;
  const counted = begin.map((n, i) => {
    if (fromStart?.[i] === 1) return 0;
    return n < 0 ? n + x.shape[i]! : n;
  });
  // What the checker could not see may lie outside.
  const isInside = counted.every((n, i) => {
    const last = n + (out.shape[i]! - 1) * (stride[i] ?? 1);
    return n >= 0 && last < x.shape[i]!;
  });
  return isInside ? { begin: counted, stride, size: out.shape } : undefined;
}

const lastTwoSwapped = <T>(list: readonly T[]): T[] => [
  ...list.slice(0, -2),
  list.at(-1)!,
  list.at(-2)!,
];

/** The elements of a box, of a tensor of `element`. */
function cut(emit: Emitter, element: Tensor["element"], x: Value, box: Box): Value {
  const { begin, size, stride } = box;
  const type = { element, shape: size };
  if (stride.every((n) => n === 1)) return emit.add("slice_by_size", type, { x, begin, size });
  const end = begin.map((n, i) => n + (size[i]! - 1) * stride[i]! + 1);
  return emit.add("slice_by_index", type, { x, begin, end, stride });
}

/**
 * Slices along the second to last axis instead, between two transpositions. What is cut from the
 * second to last axis is cut before: it would be columns then.
 */
export const sliceRows: Fix = replacing((site, emit) => {
  if (!startsInside(site)) return false;
  const [x, out] = [operand(site, "x"), result(site.s)];
  const box = x && out && boxOf(site, x, out);
  const rank = x?.shape.length ?? 0;
  if (!x || !out || !box || rank < 2 || x.shape.includes(0)) return false;
  const { element } = out;
  const rows = rank - 2;
  let value = argument(site.s, "x")!.value;
  let [from, begin, stride] = [x.shape, box.begin, box.stride];
  if (box.begin[rows] !== 0 || box.stride[rows] !== 1) {
    const only = <T>(list: readonly T[], others: readonly T[]): T[] =>
      others.map((n, i) => (i === rows ? list[i]! : n));
    from = only(box.size, x.shape);
    const none = x.shape.map(() => 0);
    const ones = x.shape.map(() => 1);
    value = cut(emit, element, value, {
      begin: only(box.begin, none),
      stride: only(box.stride, ones),
      size: from,
    });
    [begin, stride] = [only(none, box.begin), only(ones, box.stride)];
  }
  const perm = lastTwoSwapped(from.map((_, i) => i));
  const turned = emit.add(
    "transpose",
    { element, shape: lastTwoSwapped(from) },
    { x: value, perm },
  );
  const part = cut(emit, element, turned, {
    begin: lastTwoSwapped(begin),
    stride: lastTwoSwapped(stride),
    size: lastTwoSwapped(box.size),
  });
  emit.add("transpose", out, { x: part, perm }, site.s.results[0]!.name);
  return true;
});
