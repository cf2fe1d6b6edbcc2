/**
 * One experiment: a configuration against the best so far.
 *
 *   1. with the seeds that the best was measured with. Most changes end here, many after one run: as soon as no
 *      losses of the seeds that are left could show an improvement.
 *   2. what passes is measured again with seeds that neither was run with before, the two side by side. Only this
 *      decides.
 *
 * The second comparison is there because a search makes many first ones with the same seeds: among two hundred
 * changes without effect, some pass by chance. Fresh seeds know nothing of that choice, so each is kept with the
 * probability of the gate at most, however many were tried before.
 *
 * What a time allows depends on what else the machine does. So with a budget of time the best is run again in the
 * first comparison too, beside the change, and what it reached hours ago does not count. With a budget of steps its
 * losses are what they were.
 */
import { judge, pValue } from "./gate.ts";
import type { Best, Budget, Comparison, RunRecord, SearchSettings, Status } from "./record.ts";
import { meanOf } from "./record.ts";
import type { Config } from "./space.ts";

/** A run that is wanted. */
export interface WantedRun {
  readonly config: Config;
  readonly seed: number;
  readonly budget: Budget;
}

/**
 * Carries out a run, at once or when a worker is free. A run that fails is a record with an error; it rejects only
 * when it is aborted, and for what ends the search.
 */
export type Measure = (run: WantedRun, signal: AbortSignal) => Promise<RunRecord>;

/** What an experiment found. */
export interface Finding {
  readonly status: Status;
  readonly seeds: readonly number[];
  readonly losses: readonly number[];
  readonly bestLosses: readonly number[];
  readonly p: number | null;
  readonly fresh: Comparison | null;
  readonly reason: string;
  readonly runs: readonly RunRecord[];
}

export interface ExperimentOptions {
  readonly settings: SearchSettings;
  readonly measure: Measure;
  readonly signal: AbortSignal;
}

const nothing = { seeds: [], losses: [], bestLosses: [], p: null, fresh: null } as const;

/** The configuration is not run. */
export function skipped(reason: string): Finding {
  return { ...nothing, status: "skip", reason, runs: [] };
}

/** All seeds, with nothing to compare with. */
export async function measureBaseline(
  config: Config,
  seeds: readonly number[],
  options: ExperimentOptions,
): Promise<Finding> {
  const { budget } = options.settings;
  const { series, crash } = await inOrder(options, [config], seeds, budget, () => true);
  const runs = series[0]!;
  if (crash !== undefined) return crashed(crash, runs);
  const losses = runs.map((run) => run.loss!);
  return { ...nothing, seeds, losses, status: "keep", reason: "the model as it is", runs };
}

/** One run with a part of the budget. */
export async function measureRung(
  config: Config,
  seed: number,
  budget: Budget,
  options: ExperimentOptions,
): Promise<Finding> {
  const run = await options.measure({ config, seed, budget }, options.signal);
  if (run.loss === null) return crashed(run, [run]);
  const reason = `${amountOf(budget)} of ${amountOf(options.settings.budget)}`;
  return { ...nothing, seeds: [seed], losses: [run.loss], status: "rung", reason, runs: [run] };
}

function amountOf({ seconds, steps }: Budget): string {
  return steps === null ? `${Number(seconds!.toPrecision(3))} s` : `${steps} steps`;
}

/** A configuration against the best, and once more with `freshSeeds` if that passes. */
export async function compareWithBest(
  config: Config,
  best: Best,
  freshSeeds: readonly number[],
  options: ExperimentOptions,
): Promise<Finding> {
  const { gate, budget } = options.settings;
  const isTimed = budget.seconds !== null;
  const first = await compare(config, best, best.seeds, isTimed ? undefined : best.losses, options);
  const { compared } = first;
  if (first.fault !== undefined)
    return { ...compared, ...first.fault, fresh: null, runs: first.runs };
  if (judge(differencesOf(compared), gate) !== "passes") {
    const reason = whyNot(compared, gate.seeds);
    return { ...compared, fresh: null, status: "discard", reason, runs: first.runs };
  }

  const second = await compare(config, best, freshSeeds, undefined, options);
  const { compared: fresh } = second;
  const both = { ...compared, fresh, runs: [...first.runs, ...second.runs] };
  if (second.fault !== undefined) return { ...both, ...second.fault };
  const isBetter = judge(differencesOf(fresh), gate) === "passes";
  return {
    ...both,
    ...(isBetter
      ? { status: "keep", reason: `better with fresh seeds too, by ${gainOf(fresh)}` }
      : { status: "discard", reason: `not with fresh seeds: ${whyNot(fresh, gate.seeds)}` }),
  };
}

interface Compared {
  readonly compared: Comparison;
  readonly runs: readonly RunRecord[];
  /** Set if a run failed. */
  readonly fault: Pick<Finding, "status" | "reason"> | undefined;
}

/** Pairs of losses until it is clear that they will not pass. Where those of the best are not known, it is run too. */
async function compare(
  config: Config,
  best: Best,
  seeds: readonly number[],
  known: readonly number[] | undefined,
  options: ExperimentOptions,
): Promise<Compared> {
  const { gate, budget } = options.settings;
  const configs = known === undefined ? [config, best.config] : [config];
  const { series } = await inOrder(options, configs, seeds, budget, ([ours, theirs = known]) => {
    return judge(differences(ours!, theirs!), gate) !== "fails";
  });
  const [ours, theirs = []] = series;
  const pairs = ours!.filter(({ loss }, i) => {
    return loss !== null && (known !== undefined || theirs[i]!.loss !== null);
  });
  const losses = pairs.map((run) => run.loss!);
  const bestLosses = losses.map((_, i) => known?.[i] ?? theirs[i]!.loss!);
  const p = losses.length === 0 ? 1 : pValue(differences(losses, bestLosses));
  const failed = (list: readonly RunRecord[]) => list.find((run) => run.loss === null);
  const [crash, beside] = [failed(ours!), failed(theirs)];
  const fault =
    crash !== undefined
      ? { status: "crash" as const, reason: wordsOf(crash) }
      : beside !== undefined
        ? { status: "discard" as const, reason: `the best failed beside it, ${wordsOf(beside)}` }
        : undefined;
  return {
    compared: { seeds: seeds.slice(0, losses.length), losses, bestLosses, p },
    ...{ runs: [...ours!, ...theirs], fault },
  };
}

function wordsOf({ seed, error = "it failed" }: RunRecord): string {
  return `seed ${seed}: ${error}`;
}

function crashed(run: RunRecord, runs: readonly RunRecord[]): Finding {
  return { ...nothing, status: "crash", reason: wordsOf(run), runs };
}

function differences(losses: readonly number[], bestLosses: readonly number[]): number[] {
  return losses.map((loss, i) => loss - bestLosses[i]!);
}

function differencesOf({ losses, bestLosses }: Comparison): number[] {
  return differences(losses, bestLosses);
}

function gainOf(compared: Comparison): string {
  return (-meanOf(differencesOf(compared))).toFixed(4);
}

function whyNot(compared: Comparison, wanted: number): string {
  const gain = -meanOf(differencesOf(compared));
  const n = compared.losses.length;
  const seeds = `${n} of ${wanted} seeds`;
  return gain > 0
    ? `better by ${gain.toFixed(4)} on ${seeds}, which may be noise`
    : `worse by ${(-gain).toFixed(4)} on ${seeds}`;
}

interface Series {
  /** For each configuration, its runs in the order of the seeds. */
  readonly series: readonly (readonly RunRecord[])[];
  /** A run that failed; it is the last of its configuration. */
  readonly crash: RunRecord | undefined;
}

/**
 * The runs of all seeds, taken in order for as long as `goesOn` says so of the losses. All are asked for at once,
 * so that free workers take them; those that turn out not to be needed are ended.
 */
async function inOrder(
  { measure, signal }: ExperimentOptions,
  configs: readonly Config[],
  seeds: readonly number[],
  budget: Budget,
  goesOn: (losses: readonly (readonly number[])[]) => boolean,
): Promise<Series> {
  const rest = new AbortController();
  const either = AbortSignal.any([signal, rest.signal]);
  const rows = seeds.map((seed, i) => {
    const row = configs.map((config) => ({ config, seed, budget }));
    // Who begins takes turns: a machine that slows down favours neither.
    const isTurned = i % 2 === 1;
    const runs = (isTurned ? row.reverse() : row).map((run) => measure(run, either));
    return isTurned ? runs.reverse() : runs;
  });
  // A run that is not waited for any more may still be refused.
  for (const run of rows.flat()) run.catch(() => {});
  const series: RunRecord[][] = configs.map(() => []);
  try {
    for (const row of rows) {
      const runs = await Promise.all(row);
      for (const [i, run] of runs.entries()) series[i]!.push(run);
      const crash = runs.find((run) => run.loss === null);
      if (crash !== undefined) return { series, crash };
      if (!goesOn(series.map((list) => list.map((run) => run.loss!)))) break;
    }
    return { series, crash: undefined };
  } finally {
    rest.abort();
  }
}
