/**
 * Fits the constants of the cost model to published rows.
 *
 * The loss is the mean of |ln(predicted / published)| over the rows, so that 2 times too slow and 2 times
 * too fast weigh the same and a few odd rows do not decide. A second term holds each constant
 * near where it starts, a chip's near its published numbers, so that two rows do not lead it anywhere. Constants move
 * one at a time by a factor that shrinks: no random numbers, the same result every time.
 */
import { CHIP_NAMES, type ChipName, familyOf } from "../compiler/target/chip_names.ts";
import { knownOf } from "../compiler/target/chips.ts";
import type { ChipConstants, CostConstants, SharedConstants } from "../compiler/target/cost.ts";
import type { Row } from "./published/row.ts";

export interface Fitted {
  readonly chips: Readonly<Record<ChipName, ChipConstants>>;
  readonly shared: SharedConstants;
  /** Chips without a row, and whose constants they have. */
  readonly borrowed: Readonly<Partial<Record<ChipName, ChipName>>>;
}

/** Where the search starts: round numbers in the middle of what is reported. */
const START: SharedConstants = {
  overlap: 0.3,
  longShare: 0.4,
  opUs: 1,
  elementG: 20,
  reduceG: 5,
  moveGBs: 50,
  spillGBs: 50,
  hostCopyGBs: 20,
  hostMoveGBs: 20,
  hostGflops: 900,
  hostStreamGBs: 30,
  busyHost: 2,
};

/** Shares are at most 1, and a busy host is not faster than a quiet one. */
const LIMITS: Readonly<Partial<Record<keyof SharedConstants, readonly [number, number]>>> = {
  overlap: [0.01, 1],
  longShare: [0.05, 1],
  busyHost: [1, 10],
};

/**
 * Weight of ln²(constant / where it starts), for each row that a chip has; the best of 0.01 … 0.5 by
 * five-fold cross-validation inside the half that the fit sees.
 */
const PULL = 0.05;
/** The rows that a shared constant counts as having. */
const SHARED_ROWS = 10;
const SWEEPS = 60;

const KEYS = ["dispatchMs", "productTflops", "streamGBs", "weightGBs"] as const;

/** A chip's constants as published; those of relatives where nothing is. */
export function publishedConstants(chip: ChipName): ChipConstants {
  const value = (key: Parameters<typeof knownOf>[1]): number => knownOf(chip, key)!.value;
  return {
    dispatchMs: value("dispatchMs"),
    productTflops: value("measuredTflops"),
    streamGBs: value("streamGBs"),
    weightGBs: value("weightGBs"),
  };
}

/** |ln(predicted / published)| of a row. */
export function logError(row: Row, constants: CostConstants): number {
  return Math.abs(Math.log(row.predict(constants) / row.ms));
}

/** The constants that fit `rows` best, to three digits. */
export function fitConstants(rows: readonly Row[]): Fitted {
  const used = CHIP_NAMES.filter((chip) => rows.some((r) => r.chip === chip));
  const rowsOf = new Map(used.map((chip) => [chip, rows.filter((r) => r.chip === chip)]));
  const priors = new Map(used.map((chip) => [chip, publishedConstants(chip)]));
  const chips = new Map(used.map((chip) => [chip, { ...priors.get(chip)! }]));
  const shared: Record<keyof SharedConstants, number> = { ...START };

  const lossOf = (chip: ChipName): number => {
    const constants = { chip: chips.get(chip)!, shared };
    return rowsOf.get(chip)!.reduce((sum, row) => sum + logError(row, constants), 0);
  };
  const pull = (value: number, prior: number): number => PULL * Math.log(value / prior) ** 2;

  const chipLoss = (chip: ChipName): number =>
    lossOf(chip) +
    KEYS.reduce(
      (sum, key) =>
        sum + rowsOf.get(chip)!.length * pull(chips.get(chip)![key], priors.get(chip)![key]),
      0,
    );
  const sharedKeys = Object.keys(START) as (keyof SharedConstants)[];
  const sharedLoss = (): number =>
    used.reduce((sum, chip) => sum + lossOf(chip), 0) +
    sharedKeys.reduce((sum, key) => sum + SHARED_ROWS * pull(shared[key], START[key]), 0);

  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const step = 1 + 0.6 * 0.9 ** sweep;
    for (const chip of used) {
      const own = chips.get(chip)! as Record<(typeof KEYS)[number], number>;
      for (const key of KEYS) improve(own, key, step, () => chipLoss(chip));
    }
    for (const key of sharedKeys) {
      improve(shared, key, step, sharedLoss, LIMITS[key]);
    }
  }
  const sourceOf = (chip: ChipName): ChipName => (chips.has(chip) ? chip : nearest(chip, used));
  return {
    chips: Object.fromEntries(
      CHIP_NAMES.map((chip) => [chip, rounded(chips.get(sourceOf(chip))!)]),
    ) as Fitted["chips"],
    shared: rounded(shared),
    borrowed: Object.fromEntries(
      CHIP_NAMES.filter((chip) => !chips.has(chip)).map((chip) => [chip, sourceOf(chip)]),
    ),
  };
}

/** Multiplies or divides one constant by `factor` if that lowers the loss. */
function improve<K extends string>(
  constants: Record<K, number>,
  key: K,
  factor: number,
  loss: () => number,
  [low, high]: readonly [number, number] = [0, Number.POSITIVE_INFINITY],
): void {
  const before = constants[key];
  let best = { value: before, loss: loss() };
  for (const wish of [before * factor, before / factor]) {
    constants[key] = Math.min(high, Math.max(low, wish));
    const now = loss();
    if (now < best.loss) best = { value: constants[key], loss: now };
  }
  constants[key] = best.value;
}

/** The chip among `from` that is most alike: of the family or the nearest one, the earlier first. */
export function nearest(chip: ChipName, from: readonly ChipName[]): ChipName {
  const generation = (name: ChipName): number => Number(familyOf(name).slice(1));
  const place = (name: ChipName): number => CHIP_NAMES.indexOf(name);
  const far = (name: ChipName): number =>
    100 * Math.abs(generation(name) - generation(chip)) + Math.abs(place(name) - place(chip));
  return [...from].sort((a, b) => far(a) - far(b))[0] ?? chip;
}

function rounded<T extends Readonly<Record<keyof T, number>>>(constants: T): T {
  const entries = Object.entries<number>(constants).map(([k, v]) => [k, Number(v.toPrecision(3))]);
  return Object.fromEntries(entries) as T;
}
