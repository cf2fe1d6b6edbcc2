/** The settings of a training run, their defaults, and their ranges. */
import { badTrainOption } from "../compiler/messages/training.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { type CompatName, compatNames, compats } from "./compat/index.ts";
import type { ZerothOrder } from "./mezo/options.ts";
import { optimizerNames, optimizers } from "./optimizers/index.ts";
import { scheduleNames } from "./schedules/index.ts";

/** Everything that decides the course of a run, apart from the model and the data. */
export interface TrainSettings {
  /** Micro-steps in all, one window each; null: until it is stopped, at a constant rate after warm-up. */
  readonly steps: number | null;
  /** Micro-steps of one group: an update takes the mean of their gradients. */
  readonly accum: number;
  /** Micro-steps computed in one call, on the processor. Other batches give other roundings. */
  readonly batch: number;
  /** Name of one of `optimizers`. */
  readonly optimizer: string;
  /** The highest learning rate. */
  readonly lr: number;
  /** Factors of the learning rate by group of parameters (`optimizers/groups.ts`); 0 leaves one as it is. */
  readonly lrMatrix: number;
  readonly lrEmbed: number;
  readonly lrNorm: number;
  /** Name of one of `schedules`. */
  readonly schedule: string;
  /** What time is counted in, that of the warm-up too. */
  readonly clock: "updates" | "micro_steps";
  /** Updates until the highest rate is reached. */
  readonly warmup: number;
  /** The lowest rate after the warm-up, as a part of the highest. */
  readonly minLr: number;
  /** The part of the time after the warm-up in which the schedule `wsd` falls. */
  readonly cooldown: number;
  /** Largest norm of a gradient; 0 for none. */
  readonly clip: number;
  /** Gradients that are not finite are made finite: NaN 0, infinities ±65504. */
  readonly sanitize: boolean;
  /** Weight decay of matrices. */
  readonly wd: number;
  /** Factors of the weight decay for the embedding and for vectors. */
  readonly wdEmbed: number;
  readonly wdNorm: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Factor of the loss on the engine, a power of 2; null: found on the first window. */
  readonly lossScale: number | null;
  /** The processor takes over from the engine when the residual stream is larger; 0 for never. */
  readonly adaptive: number;
  /** Micro-steps in a row in which it has to be. */
  readonly adaptiveWindow: number;
  readonly seed: number;
  /** Micro-steps between validations; 0 for only the last one. */
  readonly valEvery: number;
  /** Replace the rows of ids that training never sees by one. */
  readonly compact: boolean;
  /** A system whose initial values, groups and validation windows are repeated (`compat/`). */
  readonly compat: CompatName | null;
  /** Train without gradients. Default: with them. */
  readonly zeroth?: ZerothOrder;
}

export const defaultSettings: TrainSettings = {
  steps: 600,
  accum: 10,
  batch: 1,
  optimizer: "adamw",
  lr: 4e-4,
  lrMatrix: 1,
  lrEmbed: 1,
  lrNorm: 1,
  schedule: "cosine",
  clock: "updates",
  warmup: 10,
  minLr: 0.1,
  cooldown: 0.2,
  clip: 1,
  sanitize: false,
  wd: 0.1,
  wdEmbed: 1,
  wdNorm: 0,
  beta1: 0.9,
  beta2: 0.95,
  lossScale: null,
  adaptive: 0,
  adaptiveWindow: 5,
  seed: 42,
  valEvery: 100,
  compact: true,
  compat: null,
};

/**
 * The settings of a new run that are not given: those of the system it is compatible with, those that suit its
 * optimizer, or the usual ones.
 */
function defaultsFor({ compat, optimizer, zeroth }: Partial<TrainSettings>): TrainSettings {
  const system = zeroth === undefined ? compats.find((c) => c.name === compat) : undefined;
  return {
    ...defaultSettings,
    ...system?.settings,
    ...optimizers.find((o) => o.name === optimizer)?.settings,
  };
}

/** The settings of a checkpoint, with what versions before did not choose as they had it. */
export function withOlderDefaults(saved: Partial<TrainSettings>): TrainSettings {
  const clock = saved.compat === "autoane" ? "micro_steps" : "updates";
  return { ...defaultSettings, batch: 1, clock, ...saved };
}

type Word = "optimizer" | "schedule" | "clock" | "compat";
type Numeric = Exclude<keyof TrainSettings, Word | "compact" | "sanitize" | "zeroth">;

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

const factor = {
  holds: (x: number): boolean => x >= 0 && x <= 1e3,
  needs: "a factor from 0 to 1000",
};

/** Gradients in fp16 have no room for more. */
export const MOST_LOSS_SCALE = 2 ** 20;

const ranges: Readonly<Record<Numeric, Range>> = {
  steps: { flag: "steps", holds: whole(1), needs: "a whole number from 1" },
  accum: { flag: "accum", holds: whole(1), needs: "a whole number from 1" },
  batch: { flag: "batch", holds: whole(1, 256), needs: "a whole number from 1 to 256, or auto" },
  lr: { flag: "lr", holds: (x) => x > 0 && x <= 1e3, needs: "a number above 0, at most 1000" },
  warmup: { flag: "warmup", holds: whole(0), needs: "a whole number from 0" },
  clip: { flag: "clip", holds: (x) => x >= 0 && x < Infinity, needs: "a number from 0" },
  wd: { flag: "wd", holds: (x) => x >= 0 && x <= 1e3, needs: "a number from 0 to 1000" },
  lrMatrix: { flag: "lr-matrix", ...factor },
  lrEmbed: { flag: "lr-embed", ...factor },
  lrNorm: { flag: "lr-norm", ...factor },
  minLr: { flag: "min-lr", holds: (x) => x >= 0 && x <= 1, needs: "a part of `--lr`, from 0 to 1" },
  cooldown: {
    flag: "cooldown",
    holds: (x) => x > 0 && x <= 1,
    needs: "a part of the run, above 0, at most 1",
  },
  wdEmbed: { flag: "wd-embed", ...factor },
  wdNorm: { flag: "wd-norm", ...factor },
  lossScale: {
    flag: "loss-scale",
    holds: (x) => x >= 1 && x <= MOST_LOSS_SCALE && Number.isInteger(Math.log2(x)),
    needs: `a power of 2 from 1 to ${MOST_LOSS_SCALE}`,
  },
  adaptive: { flag: "adaptive", holds: (x) => x >= 0 && x < Infinity, needs: "a number from 0" },
  adaptiveWindow: { flag: "adaptive-window", holds: whole(1), needs: "a whole number from 1" },
  beta1: { flag: "beta1", holds: (x) => x >= 0 && x < 1, needs: "a number from 0 to below 1" },
  beta2: { flag: "beta2", holds: (x) => x >= 0 && x < 1, needs: "a number from 0 to below 1" },
  seed: {
    flag: "seed",
    holds: whole(0, 2 ** 32 - 1),
    needs: "a whole number from 0 to 4294967295",
  },
  valEvery: { flag: "val-every", holds: whole(0), needs: "a whole number from 0" },
};

/** What settings that are words may be. */
const words: Readonly<Record<Word, readonly string[]>> = {
  optimizer: optimizerNames,
  schedule: scheduleNames,
  clock: ["updates", "micro_steps"],
  compat: compatNames,
};

/** Settings that may be left open. */
const OPEN: ReadonlySet<string> = new Set(["steps", "lossScale", "compat"]);

/** The settings with defaults filled in: those of a new run, unless others are given. Throws a `UserError` (E0901) with every one that is out of range. */
export function completeSettings(
  given: Partial<TrainSettings> = {},
  defaults: TrainSettings = defaultsFor(given),
): TrainSettings {
  const settings: TrainSettings = { ...defaults, ...given };
  const faults: Diagnostic[] = [];
  for (const [name, { flag, holds, needs }] of Object.entries(ranges)) {
    const value = settings[name as Numeric];
    if (value === null && OPEN.has(name)) continue;
    if (typeof value !== "number" || !holds(value)) {
      faults.push(badTrainOption(flag, String(value), needs));
    }
  }
  for (const [name, known] of Object.entries(words)) {
    const value = settings[name as Word];
    if (value === null && OPEN.has(name)) continue;
    if (value === null || !known.includes(value)) {
      faults.push(badTrainOption(name, String(value), `one of ${known.join(", ")}`));
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
  ["optimizer", "optimizer"],
  ["lossScale", "loss-scale"],
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
