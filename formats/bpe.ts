/**
 * Byte-pair encoding of one piece of text: neighbours are joined, those of the lowest rank first and of equal
 * ranks the leftmost, until no pair is known.
 *
 * A heap finds the next pair, so that a piece of n symbols takes n · log n steps however long it is.
 */

/** Ids of joined pairs, by rank. */
export interface Merges {
  /** The rank of a pair of ids: see `pairKey`. */
  readonly rankOf: ReadonlyMap<number, number>;
  /** The id that the pair of a rank becomes. */
  readonly joined: Int32Array;
}

/** Every id is below it. */
export const MAX_IDS = 2 ** 24;

/** One number for a pair of ids. */
export function pairKey(left: number, right: number): number {
  return left * MAX_IDS + right;
}

/** Joins `ids` in place of a copy; the ids that are left. */
export function mergePairs(ids: readonly number[], { rankOf, joined }: Merges): number[] {
  const n = ids.length;
  if (n < 2) return [...ids];
  const id = Int32Array.from(ids);
  const next = Int32Array.from(ids, (_, i) => (i + 1 < n ? i + 1 : -1));
  const before = Int32Array.from(ids, (_, i) => i - 1);
  const heap = newHeap();
  const offer = (left: number): void => {
    const right = left < 0 ? -1 : next[left]!;
    if (right < 0) return;
    const rank = rankOf.get(pairKey(id[left]!, id[right]!));
    if (rank !== undefined) heap.push(rank * POSITIONS + left);
  };
  for (let i = 0; i + 1 < n; i++) offer(i);
  for (;;) {
    const least = heap.pop();
    if (least === undefined) break;
    const left = least % POSITIONS;
    const rank = (least - left) / POSITIONS;
    const right = id[left]! < 0 ? -1 : next[left]!;
    // A pair that has changed since it was offered is stale.
    if (right < 0 || rankOf.get(pairKey(id[left]!, id[right]!)) !== rank) continue;
    id[left] = joined[rank]!;
    id[right] = -1;
    const after = next[right]!;
    next[left] = after;
    if (after >= 0) before[after] = left;
    offer(before[left]!);
    offer(left);
  }
  return Array.from(id).filter((x) => x >= 0);
}

/** More symbols than any text in memory has, and a rank times this is exact. */
const POSITIONS = 2 ** 28;

/** The least number first. */
function newHeap() {
  const items: number[] = [];
  return {
    push(item: number): void {
      let at = items.length;
      items.push(item);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (items[parent]! <= item) break;
        items[at] = items[parent]!;
        at = parent;
      }
      items[at] = item;
    },
    pop(): number | undefined {
      const top = items[0];
      const last = items.pop();
      if (top === undefined || last === undefined || items.length === 0) return top;
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && items[child + 1]! < items[child]!) child += 1;
        if (items[child]! >= last) break;
        items[at] = items[child]!;
        at = child;
      }
      items[at] = last;
      return top;
    },
  };
}
