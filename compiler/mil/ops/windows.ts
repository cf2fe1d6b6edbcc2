/** Sliding windows over images: how far they reach, convolutions and pools share it. */
import {
  ints,
  leaves,
  type Mistake,
  maybe,
  mistake,
  type Operand,
  type Operands,
} from "../infer.ts";

/** One spatial dimension: its size, the window's, and how the window moves. */
export interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** Elements that a window spans. */
export function reach({ kernel, dilation }: Pick<Axis, "kernel" | "dilation">): number {
  return (kernel - 1) * dilation + 1;
}

export const PAD_TYPES = "text(valid|same|same_lower|custom)";

/** The spatial dimensions of x, from dimension 2 on, or a mistake in the parameters. */
export function axesOfWindows(
  o: Operands,
  x: Operand,
  kernel: readonly number[],
): readonly Axis[] | Mistake {
  const sizes = x.shape.slice(2);
  const list = (name: string, count: number, otherwise: number): readonly number[] | Mistake => {
    const found = ints(o, name, undefined) ?? new Array<number>(count).fill(otherwise);
    if (found.length !== count || found.some((n) => n < (name === "pad" ? 0 : 1)))
      return mistake(name, `needs ${count} numbers, none below ${name === "pad" ? 0 : 1}`, { x });
    return found;
  };
  const type = maybe(o, "pad_type")?.text ?? "valid";
  const strides = list("strides", sizes.length, 1);
  const dilations = list("dilations", sizes.length, 1);
  // Padding counts only if it is asked for; some programs give a list of another length with others.
  const pad = type === "custom" ? list("pad", 2 * sizes.length, 0) : [];
  for (const found of [strides, dilations, pad]) if ("argument" in found) return found;
  const [s, d, p] = [strides, dilations, pad] as (readonly number[])[];
  return sizes.map((size, i): Axis => {
    const part = { size, kernel: kernel[i]!, stride: s![i]!, dilation: d![i]! };
    if (type === "custom") return { ...part, before: p![2 * i]!, after: p![2 * i + 1]! };
    if (type === "valid") return { ...part, before: 0, after: 0 };
    const total = Math.max(
      0,
      (Math.ceil(size / part.stride) - 1) * part.stride + reach(part) - size,
    );
    const less = Math.floor(total / 2);
    const before = type === "same_lower" ? total - less : less;
    return { ...part, before, after: total - before };
  });
}

/** Windows that fit: ⌊(size + padding − reach) / stride⌋ + 1. */
export function countOf(a: Axis): number {
  return Math.floor((a.size + a.before + a.after - reach(a)) / a.stride) + 1;
}

/**
 * As `countOf`, with a last window that hangs over the end, unless it would start in the padding
 * behind it.
 */
export function countWithLast(a: Axis): number {
  const count = Math.ceil((a.size + a.before + a.after - reach(a)) / a.stride) + 1;
  const isBehind = (count - 1) * a.stride >= a.size + a.before;
  return isBehind && a.before + a.after > 0 ? count - 1 : count;
}

/** The mistake of windows that fit nowhere. */
export function emptyMistake(counts: readonly number[], x: Operand): Mistake | undefined {
  return counts.some((n) => n < 1) ? mistake("x", "is smaller than the window", { x }) : undefined;
}

/** `channels` in groups, or a mistake. */
export function groupsOf(o: Operands, channels: number): number | Mistake {
  const groups = maybe(o, "groups")?.ints?.[0] ?? 1;
  if (groups < 1 || leaves(channels, groups))
    return mistake("groups", `must divide the ${channels} channels, not ${groups}`);
  return groups;
}
