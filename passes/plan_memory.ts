/**
 * Places storages in one arena so that those alive at the same time do not overlap.
 *
 * Largest first, each at the lowest offset that is free during its whole life: a greedy packing that
 * is within a few per cent of the peak of live bytes for the graphs of transformers.
 */

export interface Life {
  readonly id: number;
  /** First and last command that touches it, both included. */
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

export interface Placement {
  readonly offsets: ReadonlyMap<number, number>;
  readonly total: number;
}

export function placeByLife(lives: readonly Life[]): Placement {
  const placed: (Life & { readonly offset: number })[] = [];
  const offsets = new Map<number, number>();
  let total = 0;
  const order = [...lives].sort((a, b) => b.bytes - a.bytes || a.first - b.first || a.id - b.id);
  for (const life of order) {
    let offset = 0;
    for (const other of placed) {
      // `placed` is kept sorted by offset, so the first gap that is wide enough is the lowest.
      if (other.last < life.first || other.first > life.last) continue;
      if (offset + life.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    const at = placed.findIndex((p) => p.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, { ...life, offset });
    offsets.set(life.id, offset);
    total = Math.max(total, offset + life.bytes);
  }
  return { offsets, total };
}

/** The most bytes that are alive at once: no placement can be smaller. */
export function peakOfLives(lives: readonly Life[]): number {
  const events = lives.flatMap((l) => [
    { at: l.first, bytes: l.bytes },
    { at: l.last + 1, bytes: -l.bytes },
  ]);
  events.sort((a, b) => a.at - b.at || a.bytes - b.bytes);
  let [now, peak] = [0, 0];
  for (const event of events) {
    now += event.bytes;
    peak = Math.max(peak, now);
  }
  return peak;
}
