/** The slices of M1 and M2 along the last axis: shared by two facts. */
import type { Fix } from "./define.ts";
import { replacing } from "./rewrite.ts";
import { argument, ints, operand, result, type Site } from "./walk.ts";

/** Whether a slice takes columns that do not start at the first. */
export function startsInside(site: Site): boolean {
  if (site.s.op !== "slice_by_size" && site.s.op !== "slice_by_index") return false;
  return (ints(site, "begin")?.at(-1) ?? 0) !== 0;
}

/** Slices along the second to last axis instead, between two transpositions. */
export const sliceRows: Fix = replacing((site, emit) => {
  const [x, out] = [operand(site, "x"), result(site.s)];
  const [begin, size] = [ints(site, "begin"), out?.shape];
  const rank = x?.shape.length ?? 0;
  if (
    site.s.op !== "slice_by_size" ||
    !startsInside(site) ||
    !x ||
    !out ||
    !begin ||
    !size ||
    rank < 2
  )
    return false;
  const swap = <T>(list: readonly T[]): T[] => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];
  const perm = swap(out.shape.map((_, i) => i));
  const turned = emit.add(
    "transpose",
    { ...x, shape: swap(x.shape) },
    { x: argument(site.s, "x")!.value, perm },
  );
  const shape = swap(size);
  const rows = emit.add(
    "slice_by_size",
    { ...out, shape },
    { x: turned, begin: swap(begin), size: shape },
  );
  emit.add("transpose", out, { x: rows, perm }, site.s.results[0]!.name);
  return true;
});
