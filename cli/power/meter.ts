/** A meter of energy, and the energy of a window of time from its samples. */
import { energyMeterStill } from "../../compiler/messages/power.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";

/** Energy between two moments, in milliseconds of `performance.now()`, by part of the machine in joules. */
export interface Sample {
  readonly from: number;
  readonly to: number;
  /** Parts do not overlap: their sum is what the meter sees. */
  readonly joules: Readonly<Record<string, number>>;
  /** The system's own word for how hot it is. */
  readonly thermal?: string;
}

/** A meter that runs. */
export interface RunningMeter {
  /** All samples so far, in order. */
  readonly samples: readonly Sample[];
  /** Resolves when the samples reach `moment`; rejects if the meter has failed. */
  until(moment: number): Promise<void>;
  /** Ends it; safe to call twice. */
  close(): void;
}

/** One way to measure energy. */
export interface Meter {
  readonly name: string;
  /** The folder or program that it reads. */
  readonly source: string;
  /** Starts to sample every `interval` milliseconds. Throws a `UserError` (E0973) if it cannot. */
  start(interval: number): RunningMeter;
}

/** What was used in a window. */
export interface Energy {
  readonly seconds: number;
  readonly joules: Readonly<Record<string, number>>;
  /** Every word for how hot it was, in the order they came. */
  readonly thermal: readonly string[];
}

/** A stretch of time, in milliseconds of `performance.now()`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The energy between two moments, as `energyOf`. */
export function energyBetween(samples: readonly Sample[], from: number, to: number): Energy {
  return energyOf(samples, [{ from, to }]);
}

/**
 * The energy of stretches of time. A sample that lies in them in part counts in part: power is taken as constant
 * within it. What no sample covers is taken at the mean power of what they cover.
 */
export function energyOf(samples: readonly Sample[], stretches: readonly Stretch[]): Energy {
  const sums: Record<string, number> = {};
  const thermal = new Set<string>();
  let [covered, all] = [0, 0];
  for (const { from, to } of stretches) {
    all += to - from;
    for (const sample of samples) {
      const inside = Math.min(to, sample.to) - Math.max(from, sample.from);
      if (inside <= 0) continue;
      covered += inside;
      const share = inside / (sample.to - sample.from);
      for (const [part, joules] of Object.entries(sample.joules)) {
        sums[part] = (sums[part] ?? 0) + joules * share;
      }
      if (sample.thermal !== undefined) thermal.add(sample.thermal);
    }
  }
  const whole = covered === 0 ? 0 : all / covered;
  const joules = Object.fromEntries(Object.entries(sums).map(([part, j]) => [part, j * whole]));
  return { seconds: all / 1000, joules, thermal: [...thermal] };
}

/** Joules of all parts. */
export function totalOf({ joules }: Pick<Energy, "joules">): number {
  return Object.values(joules).reduce((sum, j) => sum + j, 0);
}

/** Throws a `UserError` (E0975) if no sample so far holds any energy: then the meter stands still. */
export function checkMoved({ name, source }: Meter, samples: readonly Sample[]): void {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || samples.some((sample) => totalOf(sample) > 0)) return;
  throw new UserError(energyMeterStill(name, source, (last!.to - first.from) / 1000));
}

/** Collects samples, and wakes whoever waits for them. */
export class SampleLog {
  readonly samples: Sample[] = [];
  #failure: Error | undefined;
  readonly #waiting = new Set<() => void>();

  add(sample: Sample): void {
    this.samples.push(sample);
    this.#wake();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  until(moment: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const last = this.samples.at(-1);
        const isThere = last !== undefined && last.to >= moment;
        if (!isThere && this.#failure === undefined) return;
        this.#waiting.delete(look);
        if (isThere) resolve();
        else reject(this.#failure);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
