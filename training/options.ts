/** The settings of a training run, their defaults, and their ranges. */
import { badTrainOption } from "../compiler/messages/training.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";

/** Everything that decides the course of a run, apart from the model and the data. */
export interface TrainSettings {
  /** Micro-steps in all, one window each; null: until it is stopped, at a constant rate after warm-up. */
  readonly steps: number | null;
  /** Micro-steps of one group: an update takes the mean of their gradients. */
  readonly accum: number;
  /** Micro-steps computed in one call, on the processor. Other batches give other roundings. */
  readonly batch: number;
  /** The highest learning rate. */
  readonly lr: number;
  /** Updates until it is reached. */
  readonly warmup: number;
  /** Largest norm of a gradient; 0 for none. */
  readonly clip: number;
  /** Weight decay of matrices, the embedding among them. */
  readonly wd: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly seed: number;
  /** Micro-steps between validations; 0 for only the last one. */
  readonly valEvery: number;
  /** Replace the rows of ids that training never sees by one. */
  readonly compact: boolean;
  /** `autoane` repeats the initial values, schedule and validation windows of AutoANE bit for bit. */
  readonly compat: "autoane" | null;
}

export const defaultSettings: TrainSettings = {
  steps: 600,
  accum: 10,
  batch: 1,
  lr: 4e-4,
  warmup: 10,
  clip: 1,
  wd: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  seed: 42,
  valEvery: 100,
  compact: true,
  compat: null,
};

/** Added to the root of the second moment. */
export const ADAM_EPS = 1e-8;

type Numeric = Exclude<keyof TrainSettings, "compact" | "compat">;

interface Range {
  /** As on the command line. */
  readonly flag: string;
  readonly holds: (value: number) => boolean;
  readonly needs: string;
}

const whole =
  (from: number, to = Number.MAX_SAFE_INTEGER) =>
  (x: number) =>
    Number.isSafeInteger(x) && x >= from && x <= to;

const ranges: Readonly<Record<Numeric, Range>> = {
  steps: { flag: "steps", holds: whole(1), needs: "a whole number from 1" },
  accum: { flag: "accum", holds: whole(1), needs: "a whole number from 1" },
  batch: { flag: "batch", holds: whole(1, 256), needs: "a whole number from 1 to 256, or auto" },
  lr: { flag: "lr", holds: (x) => x > 0 && x <= 1e3, needs: "a number above 0, at most 1000" },
  warmup: { flag: "warmup", holds: whole(0), needs: "a whole number from 0" },
  clip: { flag: "clip", holds: (x) => x >= 0 && x < Infinity, needs: "a number from 0" },
  wd: { flag: "wd", holds: (x) => x >= 0 && x <= 1e3, needs: "a number from 0 to 1000" },
  beta1: { flag: "beta1", holds: (x) => x >= 0 && x < 1, needs: "a number from 0 to below 1" },
  beta2: { flag: "beta2", holds: (x) => x >= 0 && x < 1, needs: "a number from 0 to below 1" },
  seed: {
    flag: "seed",
    holds: whole(0, 2 ** 32 - 1),
    needs: "a whole number from 0 to 4294967295",
  },
  valEvery: { flag: "val-every", holds: whole(0), needs: "a whole number from 0" },
};

/** The settings with defaults filled in. Throws a `UserError` (E0901) with every one that is out of range. */
export function completeSettings(
  given: Partial<TrainSettings> = {},
  defaults: TrainSettings = defaultSettings,
): TrainSettings {
  const settings: TrainSettings = { ...defaults, ...given };
  const faults: Diagnostic[] = [];
  for (const [name, { flag, holds, needs }] of Object.entries(ranges)) {
    const value = settings[name as Numeric];
    if (value === null && name === "steps") continue;
    if (typeof value !== "number" || !holds(value)) {
      faults.push(badTrainOption(flag, String(value), needs));
    }
  }
  if (faults.length > 0) throw new UserError(faults);
  return settings;
}

/** What a resumed run must share with the run it continues, by flag. */
export const fixedSettings: readonly (readonly [keyof TrainSettings, string])[] = [
  ["seed", "seed"],
  ["accum", "accum"],
  ["compact", "compact"],
  ["compat", "compat"],
];

/** Throws a `UserError` (E0901) unless `value` is a whole number from `from` to `to`. */
export function needWhole(
  flag: string,
  value: number,
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): void {
  if (whole(from, to)(value)) return;
  const upper = to === Number.MAX_SAFE_INTEGER ? "" : ` to ${to}`;
  throw new UserError(badTrainOption(flag, String(value), `a whole number from ${from}${upper}`));
}

/** Throws a `UserError` (E0901) unless `low <= value <= high`. */
export function needNumber(flag: string, value: number, low: number, high = Infinity): void {
  if (value >= low && value <= high && value < Infinity) return;
  const upper = high === Infinity ? "" : ` to ${high}`;
  throw new UserError(badTrainOption(flag, String(value), `a number from ${low}${upper}`));
}
