/** How fast a run is, and how long it will take. */
import type { Trainer } from "../training/trainer.ts";

export interface Timed {
  readonly trainer: Trainer;
  /** Seconds the run may take. */
  readonly time?: number;
}

/** Speed over the last steps, and the time that is left. */
export function clockOf({ trainer, time }: Timed) {
  const begin = performance.now();
  const marks: { readonly at: number; readonly tokens: number }[] = [];
  let paused = 0;
  return {
    /** A step of so many tokens is done. */
    step(tokens: number): void {
      marks.push({ at: performance.now() - paused, tokens });
      if (marks.length > 64) marks.shift();
    },
    /** Time that is spent on other things than steps does not make them slower. */
    without<T>(work: () => T): T {
      const from = performance.now();
      try {
        return work();
      } finally {
        paused += performance.now() - from;
      }
    },
    /** Undefined before the second step. */
    tokensPerSecond(): number | undefined {
      const [first] = marks;
      const last = marks[marks.length - 1];
      if (first === undefined || last === undefined || last.at === first.at) return undefined;
      const tokens = marks.slice(1).reduce((n, m) => n + m.tokens, 0);
      return (1000 * tokens) / (last.at - first.at);
    },
    /** Seconds until the steps are done or the time is up, whichever comes first. */
    left(speed: number | undefined): number | undefined {
      const { settings, state, model } = trainer;
      const byTime = time === undefined ? Infinity : time - (performance.now() - begin) / 1000;
      const steps = settings.steps === null ? Infinity : settings.steps - state.step;
      const bySteps = speed === undefined ? Infinity : (steps * model.S) / speed;
      const left = Math.min(byTime, bySteps);
      return left === Infinity ? undefined : Math.max(0, left);
    },
  };
}
