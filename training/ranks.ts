/**
 * The processes of a run that `mpirun` started, and which micro-steps each of them computes.
 *
 *     group of 8, 2 ranks        0 1 2 3 4 5 6 7       rank 0: 0 2 4 6      rank 1: 1 3 5 7
 *     the same, batches of 2     0 1 2 3 4 5 6 7       rank 0: 0 1 4 5      rank 1: 2 3 6 7
 *
 * Every rank draws every window and holds all parameters and moments. Each adds up the gradients of its own
 * micro-steps; the last one of a group sums them over the ranks, and all make the same update. So a run is that of
 * one process with the same settings but for the order in which gradients are added, and its checkpoints may be
 * resumed by any number of processes.
 */
import { isRankLost, type RankLink, type World } from "../runtime-native/js/ranks.ts";

/** What a trainer asks of the other processes of its run. What waits for them throws a `NativeError` (E0652). */
export interface Ranks {
  readonly rank: number;
  readonly size: number;
  readonly link: RankLink;
  /** Whether this one writes checkpoints: rank 0, and after a loss the first one that is left. */
  readonly saves: boolean;
  /** A rank is gone. */
  lose(rank: number): void;
  /** The numbers of every rank, in their order. */
  numbers(own: readonly number[]): readonly (readonly number[])[];
  /** The text of every rank, in their order. */
  texts(own: string): readonly string[];
}

/** The ranks of a world. */
export function ranksOf(world: World): Ranks {
  let first = 0;
  const { rank, size, link } = world;
  return {
    ...{ rank, size, link },
    get saves() {
      return rank === first;
    },
    lose: (lost) => {
      if (lost === 0) first = 1;
    },
    numbers: (own) => {
      const bytes = new Uint8Array(Float64Array.from(own).buffer);
      return world.gather(bytes).map((list) => [...new Float64Array(list.slice().buffer)]);
    },
    texts: (own) => world.gather(Buffer.from(own)).map((bytes) => Buffer.from(bytes).toString()),
  };
}

/** Which rank is gone; undefined for another failure. */
export function lostRank(error: unknown): number | undefined {
  return isRankLost(error) ? Number(error.detail) : undefined;
}

/** Who computes what: `batch` micro-steps in a row of each rank, in turns. */
export interface Dealing {
  readonly batch: number;
  readonly rank: number;
  readonly size: number;
}

/** Micro-steps `begin` … `end` − 1 of a group. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** How many micro-steps are left of the turn of all ranks that number `at` of the group is in. */
export function leftOfTurn(at: number, { batch, size }: Pick<Dealing, "batch" | "size">): number {
  const turn = batch * size;
  return turn - (at % turn);
}

/**
 * The calls of a rank for micro-steps of one turn: one for a whole batch, else one for each micro-step.
 */
export function callsOf({ begin, end }: Span, { batch, rank, size }: Dealing): readonly Span[] {
  const turn = batch * size;
  const own = Math.floor(begin / turn) * turn + rank * batch;
  const [from, to] = [Math.max(begin, own), Math.min(end, own + batch)];
  if (to - from === batch) return [{ begin: from, end: to }];
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => ({
    begin: from + i,
    end: from + i + 1,
  }));
}

/** The losses of micro-steps of one turn in order, from those that each rank has computed. */
export function inOrder(
  span: Span,
  dealing: Omit<Dealing, "rank">,
  byRank: readonly (readonly number[])[],
): number[] {
  const losses = new Array<number>(span.end - span.begin).fill(Number.NaN);
  for (const [rank, list] of byRank.entries()) {
    const calls = callsOf(span, { ...dealing, rank });
    const places = calls.flatMap((c) =>
      Array.from({ length: c.end - c.begin }, (_, i) => c.begin + i - span.begin),
    );
    for (const [i, place] of places.entries()) losses[place] = list[i] ?? Number.NaN;
  }
  return losses;
}
