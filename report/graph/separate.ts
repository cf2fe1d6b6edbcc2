/**
 * Places as near as possible to where each wants to be, in order and without overlap.
 *
 *     minimise Σ weightᵢ · (xᵢ − atᵢ)²   with   xᵢ₊₁ − xᵢ ≥ (widthᵢ + widthᵢ₊₁) / 2 + gap
 *
 * With the distances taken out this is isotonic regression: neighbours that are out of order are joined
 * into a block that takes the weighted mean, which is exact (pool adjacent violators).
 */
export interface Wish {
  readonly at: number;
  readonly weight: number;
}

/** The middles of things of these widths, in their order. */
export function separated(
  wishes: readonly Wish[],
  widths: readonly number[],
  gap: number,
): number[] {
  const shifts: number[] = [];
  let shift = 0;
  for (const [i, width] of widths.entries()) {
    if (i > 0) shift += (widths[i - 1]! + width) / 2 + gap;
    shifts.push(shift);
  }
  const blocks: { mean: number; weight: number; count: number }[] = [];
  for (const [i, { at, weight }] of wishes.entries()) {
    blocks.push({ mean: at - shifts[i]!, weight, count: 1 });
    while (blocks.length > 1 && blocks.at(-2)!.mean >= blocks.at(-1)!.mean) {
      const last = blocks.pop()!;
      const before = blocks.pop()!;
      const sum = before.weight + last.weight;
      blocks.push({
        mean: (before.mean * before.weight + last.mean * last.weight) / sum,
        weight: sum,
        count: before.count + last.count,
      });
    }
  }
  return blocks
    .flatMap(({ mean, count }) => new Array<number>(count).fill(mean))
    .map((x, i) => x + shifts[i]!);
}
