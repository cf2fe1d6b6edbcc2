/**
 * The loop of a search: the baseline, then one experiment after the other until the strategy has no more.
 *
 * Nothing is known here of files, processes or git: records come in, records go out, and whoever calls this carries
 * the runs out. So tests simulate hundreds of experiments, and a search that was killed is called again with the
 * records that it left.
 */
import { baselineFailed } from "../../compiler/messages/search.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import {
  compareWithBest,
  type ExperimentOptions,
  type Finding,
  type Measure,
  measureBaseline,
  measureRung,
  skipped,
} from "./experiment.ts";
import {
  type Best,
  bestOf,
  digestOf,
  type ExperimentRecord,
  nextBlock,
  partOfBudget,
  type SearchSettings,
  seedsOf,
} from "./record.ts";
import { type Config, changesText } from "./space.ts";
import { type Proposal, propose } from "./strategy.ts";

export interface LoopOptions {
  readonly settings: SearchSettings;
  readonly baseline: Config;
  /** Of earlier processes, in order. */
  readonly records: readonly ExperimentRecord[];
  /** Changes of the best to try first, once each. */
  readonly given?: readonly Config[];
  readonly measure: Measure;
  /** Why a configuration cannot be run; undefined if it can. */
  readonly faultOf: (config: Config) => string | undefined;
  /** Told of each record once it is final, before the next experiment begins. */
  readonly append: (record: ExperimentRecord) => void;
  /** A commit of what is kept, if there is to be one. */
  readonly commit?: (record: ExperimentRecord, best: Best | undefined) => string | null;
  readonly machine?: string;
  readonly signal: AbortSignal;
  readonly now?: () => Date;
}

/**
 * Runs a search to its end; answers all records. Throws a `UserError` (E0991) if the baseline fails, and what
 * `measure` and `append` reject with.
 */
export async function searchLoop(options: LoopOptions): Promise<readonly ExperimentRecord[]> {
  const { settings, baseline, faultOf, signal } = options;
  const records = [...options.records];
  const running: ExperimentOptions = { settings, measure: options.measure, signal };

  const add = (proposal: Proposal, by: ExperimentRecord["by"], finding: Finding): void => {
    const best = bestOf(records);
    const { config, rung, part } = proposal;
    const bare: ExperimentRecord = {
      experiment: records.length,
      timestamp: (options.now?.() ?? new Date()).toISOString(),
      ...{ by, rung, config, digest: digestOf(config) },
      change: best === undefined ? "baseline" : changesText(best.config, config),
      budget: partOfBudget(settings.budget, part),
      best: best?.experiment ?? null,
      ...finding,
      ...{ machine: options.machine ?? "", commit: null },
    };
    const commit = finding.status === "keep" ? (options.commit?.(bare, best) ?? null) : null;
    const record = { ...bare, commit };
    options.append(record);
    records.push(record);
  };

  if (records.length === 0) {
    const finding = await measureBaseline(baseline, seedsOf(settings.gate, 0), running);
    if (finding.status !== "keep") throw new UserError(baselineFailed(finding.reason));
    add({ config: baseline, rung: null, part: 1 }, "baseline", finding);
  }
  for (const change of options.given ?? []) {
    const proposal = { config: { ...bestOf(records)!.config, ...change }, rung: null, part: 1 };
    add(proposal, "given", await carryOut(proposal, records, running, faultOf));
  }
  for (;;) {
    signal.throwIfAborted();
    const proposals = propose(settings, records, (config) => faultOf(config) === undefined);
    if (proposals.length === 0) return records;
    // All of a rung are asked for at once and recorded in order.
    const findings = proposals.map((p) => carryOut(p, records, running, faultOf));
    for (const finding of findings) finding.catch(() => {});
    for (const [i, proposal] of proposals.entries()) {
      add(proposal, "strategy", await findings[i]!);
    }
  }
}

async function carryOut(
  { config, rung, part }: Proposal,
  records: readonly ExperimentRecord[],
  running: ExperimentOptions,
  faultOf: (config: Config) => string | undefined,
): Promise<Finding> {
  const { settings } = running;
  const fault = faultOf(config);
  if (fault !== undefined) return skipped(fault);
  if (rung !== null) {
    const [seed] = seedsOf(settings.gate, 0);
    return measureRung(config, seed!, partOfBudget(settings.budget, part), running);
  }
  const best = bestOf(records)!;
  const digest = digestOf(config);
  const same = records.find((r) => r.digest === digest && r.status !== "rung");
  if (same !== undefined) return skipped(`the same as experiment ${same.experiment}`);
  return compareWithBest(config, best, seedsOf(settings.gate, nextBlock(records)), running);
}
