/** How far a long piece of work is, on a terminal: "window 12 of 40, 30 %, 8 s left". In a pipe, nothing. */
import type { Sink } from "./io.ts";
import { durationText, type LiveLine, liveLine } from "./output.ts";

export interface Progress extends Pick<LiveLine, "print" | "end"> {
  /**
   * `done` of `all`, in any unit; `text` says what. The work begins with the first call, or when `all` changes.
   * `left`: the seconds that are left, where the work knows; else they follow from the pace.
   */
  update(text: string, done: number, all: number, left?: number): void;
}

/** More pictures a second than this nobody sees. */
const FRAME_MS = 80;
/** Before that, nobody knows how long it takes. */
const EARLY_MS = 500;

/** `now`: milliseconds of some clock; tests replace it. */
export function progressLine(sink: Sink, now: () => number = () => performance.now()): Progress {
  const line = liveLine(sink);
  let began: { readonly at: number; readonly done: number; readonly all: number } | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    print: line.print,
    end: line.end,
    update(text, done, all, known) {
      const at = now();
      if (began === undefined || began.all !== all || done < began.done) began = { at, done, all };
      if (at - shownAt < FRAME_MS && (done < all || all === 0)) return;
      shownAt = at;
      const share = all > 0 ? [`${Math.floor((100 * done) / all)} %`] : [];
      const left = known ?? secondsLeft(began, done, at);
      const time = left === undefined ? [] : [`${durationText(left)} left`];
      line.update([text, ...share, ...time].join(", "));
    },
  };
}

/**
 * Does `work`, which waits for nothing, with a line for how far it is: `text` says what `done` of `all` is.
 * The line is gone when `work` ends, however it ends.
 */
export function withProgress<T>(
  sink: Sink,
  text: (done: number, all: number) => string,
  work: (onProgress: (done: number, all: number) => void) => T,
): T {
  const line = progressLine(sink);
  try {
    return work((done, all) => line.update(text(done, all), done, all));
  } finally {
    line.end();
  }
}

/** Seconds at the pace so far; undefined while that says nothing, and at the end. */
function secondsLeft(
  {
    at: began,
    done: before,
    all,
  }: { readonly at: number; readonly done: number; readonly all: number },
  done: number,
  at: number,
): number | undefined {
  if (at - began < EARLY_MS || done <= before || done >= all) return undefined;
  return (((at - began) / (done - before)) * (all - done)) / 1000;
}
