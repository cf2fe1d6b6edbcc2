/**
 * Which configurations are tried next. A strategy looks at the records and nothing else, so a search that is
 * resumed goes on as if it had never stopped.
 *
 *   random    a change of the best so far, drawn anew
 *   grid      every combination of values, in order
 *   halving   many with a small budget, the best third of them with three times as much, and so on; the last is
 *             compared with the baseline in full
 */
import { drawAnywhere, drawNear, gridConfig, randomOf } from "./draw.ts";
import { bestOf, digestOf, type ExperimentRecord, type SearchSettings } from "./record.ts";
import type { Config } from "./space.ts";

export interface Proposal {
  readonly config: Config;
  /** Null: compared with the best in full. */
  readonly rung: number | null;
  /** The part of the budget that it is run with. */
  readonly part: number;
}

/** Each rung keeps one of so many, with so many times the budget. */
const HALVING = 3;

/** Draws for one experiment, before the space counts as used up. */
const DRAWS = 200;

/**
 * The next experiments, none of which waits for another; none when the search is done. `isSound` says whether a
 * configuration can be run at all.
 */
export function propose(
  settings: SearchSettings,
  records: readonly ExperimentRecord[],
  isSound: (config: Config) => boolean,
): readonly Proposal[] {
  const done = records.filter((r) => r.by === "strategy");
  if (done.length >= settings.experiments) return [];
  switch (settings.strategy) {
    case "random":
      return nextNear(settings, records, done.length, isSound);
    case "grid": {
      const config = gridConfig(settings.space, done.length);
      return config === undefined ? [] : [inFull({ ...fixedOf(records), ...config })];
    }
    case "halving":
      return nextRung(settings, records, done, isSound);
    default:
      return settings.strategy satisfies never;
  }
}

function inFull(config: Config): Proposal {
  return { config, rung: null, part: 1 };
}

/** The baseline, for the names that a strategy says nothing of. */
function fixedOf(records: readonly ExperimentRecord[]): Config {
  return records[0]!.config;
}

/** The first of some draws that is new, and sound if there is such a one. */
function firstNew(
  draw: (attempt: number) => Config,
  seen: ReadonlySet<string>,
  isSound: (config: Config) => boolean,
): Config | undefined {
  let unsound: Config | undefined;
  for (let attempt = 0; attempt < DRAWS; attempt++) {
    const config = draw(attempt);
    if (seen.has(digestOf(config))) continue;
    if (isSound(config)) return config;
    unsound ??= config;
  }
  return unsound;
}

function nextNear(
  { space, seed }: SearchSettings,
  records: readonly ExperimentRecord[],
  at: number,
  isSound: (config: Config) => boolean,
): readonly Proposal[] {
  const { config: center } = bestOf(records)!;
  const seen = new Set(records.map((r) => r.digest));
  const draw = (attempt: number) => drawNear(space, center, randomOf(seed, at * DRAWS + attempt));
  const config = firstNew(draw, seen, isSound);
  return config === undefined ? [] : [inFull(config)];
}

/** How many configurations each rung has, the first the most: as many as fit into `experiments` together. */
export function rungSizes(experiments: number): readonly number[] {
  const sizesFrom = (first: number): number[] => {
    const sizes = [first];
    while (sizes.at(-1)! > 1) sizes.push(Math.ceil(sizes.at(-1)! / HALVING));
    return sizes;
  };
  const sum = (sizes: readonly number[]) => sizes.reduce((n, size) => n + size, 0);
  let first = 1;
  while (sum(sizesFrom(first + 1)) <= experiments) first += 1;
  return sizesFrom(first);
}

function nextRung(
  settings: SearchSettings,
  records: readonly ExperimentRecord[],
  done: readonly ExperimentRecord[],
  isSound: (config: Config) => boolean,
): readonly Proposal[] {
  const sizes = rungSizes(settings.experiments);
  const last = sizes.length - 1;
  let chosen = firstRung(settings, fixedOf(records), sizes[0]!, isSound);
  for (let rung = 0, from = 0; rung <= last; rung++) {
    const tried = done.slice(from, from + chosen.length);
    if (tried.length < chosen.length) {
      const part = HALVING ** (rung - last);
      return chosen
        .slice(tried.length)
        .map((config) => ({ config, rung: rung === last ? null : rung, part }));
    }
    from += chosen.length;
    chosen = tried
      .filter((r) => r.status === "rung")
      .sort((a, b) => a.losses[0]! - b.losses[0]! || a.experiment - b.experiment)
      .slice(0, sizes[rung + 1] ?? 0)
      .map((r) => r.config);
  }
  return [];
}

function firstRung(
  { space, seed }: SearchSettings,
  fixed: Config,
  count: number,
  isSound: (config: Config) => boolean,
): Config[] {
  const seen = new Set([digestOf(fixed)]);
  const chosen: Config[] = [];
  for (let at = 0; at < count; at++) {
    const draw = (attempt: number): Config => ({
      ...fixed,
      ...drawAnywhere(space, randomOf(seed, at * DRAWS + attempt)),
    });
    const config = firstNew(draw, seen, isSound);
    if (config === undefined) break;
    seen.add(digestOf(config));
    chosen.push(config);
  }
  return chosen;
}
