/**
 * Which items of two lists belong together, in order.
 *
 *     align([1, 2, 3], [1, 4, 3])        pairs 0–0 and 2–2
 *
 * Equal items at both ends belong together. Of what is left, a longest common subsequence does; where
 * it would take too long to find, items that each list has once divide the lists before.
 */

/** Index in the first list and index in the second. */
export type Pair = readonly [a: number, b: number];

/** Cells of a table that is made without dividing the lists before: 1,000 items by 1,000. */
const USUAL_TABLE = 2 ** 20;

/** Cells of the largest table; beyond it items stay alone. */
const LARGEST_TABLE = 2 ** 24;

/** Equal items of two lists, both indices rising. */
export function align(a: readonly number[], b: readonly number[]): Pair[] {
  const out: Pair[] = [];
  const ranges: Range[] = [{ a0: 0, a1: a.length, b0: 0, b1: b.length }];
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const rest = trimmed(a, b, range, out);
    if (rest.a0 === rest.a1 || rest.b0 === rest.b1) continue;
    const cells = (rest.a1 - rest.a0) * (rest.b1 - rest.b0);
    const anchors = cells <= USUAL_TABLE ? [] : rising(unique(a, b, rest));
    if (anchors.length > 0) ranges.push(...between(anchors, rest, out));
    else if (cells <= LARGEST_TABLE) table(a, b, rest, out);
  }
  return out.sort((p, q) => p[0] - q[0]);
}

/** Parts of two lists, ends excluded. */
interface Range {
  readonly a0: number;
  readonly a1: number;
  readonly b0: number;
  readonly b1: number;
}

/** The range without its equal items at both ends, which become pairs. */
function trimmed(a: readonly number[], b: readonly number[], range: Range, out: Pair[]): Range {
  let { a0, a1, b0, b1 } = range;
  while (a0 < a1 && b0 < b1 && a[a0] === b[b0]) out.push([a0++, b0++]);
  while (a0 < a1 && b0 < b1 && a[a1 - 1] === b[b1 - 1]) out.push([--a1, --b1]);
  return { a0, a1, b0, b1 };
}

/** Items that stand once in each part, in the order of the first. */
function unique(a: readonly number[], b: readonly number[], range: Range): Pair[] {
  const places = (list: readonly number[], from: number, to: number): Map<number, number> => {
    const found = new Map<number, number>();
    for (let i = from; i < to; i++) found.set(list[i]!, found.has(list[i]!) ? -1 : i);
    return found;
  };
  const second = places(b, range.b0, range.b1);
  const out: Pair[] = [];
  for (const [item, i] of places(a, range.a0, range.a1)) {
    const j = second.get(item) ?? -1;
    if (i >= 0 && j >= 0) out.push([i, j]);
  }
  return out.sort((p, q) => p[0] - q[0]);
}

/** The longest choice of pairs whose second indices rise, too. */
function rising(pairs: readonly Pair[]): Pair[] {
  const ends: number[] = [];
  const before = new Array<number>(pairs.length).fill(-1);
  for (const [i, pair] of pairs.entries()) {
    let low = 0;
    for (let high = ends.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]![1] < pair[1]) low = middle + 1;
      else high = middle;
    }
    before[i] = ends[low - 1] ?? -1;
    ends[low] = i;
  }
  const out: Pair[] = [];
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i]!) out.push(pairs[i]!);
  return out.reverse();
}

/** The ranges between anchors, which become pairs. */
function between(anchors: readonly Pair[], range: Range, out: Pair[]): Range[] {
  let { a0, b0 } = range;
  const ranges: Range[] = [];
  for (const [i, j] of [...anchors, [range.a1, range.b1] as const]) {
    ranges.push({ a0, a1: i, b0, b1: j });
    [a0, b0] = [i + 1, j + 1];
  }
  out.push(...anchors);
  return ranges;
}

/** longest[i, j]: the pairs of a[i…] and b[j…]. */
function table(a: readonly number[], b: readonly number[], range: Range, out: Pair[]): void {
  const { a0, a1, b0, b1 } = range;
  const width = b1 - b0 + 1;
  const longest = new Uint32Array((a1 - a0 + 1) * width);
  for (let i = a1 - a0 - 1; i >= 0; i--) {
    for (let j = b1 - b0 - 1; j >= 0; j--) {
      const at = i * width + j;
      longest[at] =
        a[a0 + i] === b[b0 + j]
          ? longest[at + width + 1]! + 1
          : Math.max(longest[at + width]!, longest[at + 1]!);
    }
  }
  for (let i = 0, j = 0; i < a1 - a0 && j < b1 - b0; ) {
    const at = i * width + j;
    if (a[a0 + i] === b[b0 + j]) out.push([a0 + i++, b0 + j++]);
    else if (longest[at + width]! >= longest[at + 1]!) i++;
    else j++;
  }
}
