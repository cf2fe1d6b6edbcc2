/**
 * A search in a folder: settings, lock, files, branch and workers around the loop.
 *
 *     await runSearch({ folder, settings, isNew: true, data, workers: 2, signal });
 *
 * A search that ended before its time, however it did, goes on with `readSettings(folder)` in place of new settings.
 */
import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { searchThere } from "../../compiler/messages/search.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { makeOutputFolder, outputInside, writeFileBytes } from "../../formats/files.ts";
import type { TokenData } from "../data/token_file.ts";
import { readModel } from "../model.ts";
import type { Measure, WantedRun } from "./experiment.ts";
import { checkGate } from "./gate.ts";
import { openBranch, type SearchBranch } from "./git_branch.ts";
import { files, openLedger, readRecords, writeSettings } from "./ledger.ts";
import { isDraft, takeLock } from "./lock.ts";
import { searchLoop } from "./loop.ts";
import { poolOf, processRunner } from "./pool.ts";
import { programPage } from "./program_page.ts";
import type { ExperimentRecord, RunRecord, SearchSettings } from "./record.ts";
import { baselineOf, checkData, faultFinder } from "./setup.ts";
import type { Config } from "./space.ts";

export interface SearchOptions {
  readonly folder: string;
  readonly settings: SearchSettings;
  /** Whether the settings are those of a new search, which are written first. */
  readonly isNew: boolean;
  readonly data: TokenData;
  readonly workers: number;
  /** Carry out runs elsewhere, one each at a time. */
  readonly others?: readonly Measure[];
  /** Changes of the best to try before the strategy goes on. */
  readonly given?: readonly Config[];
  readonly signal: AbortSignal;
  readonly onRecord?: (record: ExperimentRecord) => void;
  readonly onRun?: (run: RunRecord, wanted: WantedRun) => void;
  readonly warn?: (diagnostic: Diagnostic) => void;
  /** The file of the workers. */
  readonly entry?: string;
}

/** The folder of a new search is new, or holds nothing but what a process left that was killed at once. E0986. */
export function checkNewFolder(folder: string): void {
  const left: readonly string[] = [files.program, files.lock];
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const isLeft = (name: string) => left.includes(name) || isDraft(name, files.lock);
  if (names.every((name) => isLeft(name) || name.startsWith("."))) return;
  throw new UserError(searchThere(folder));
}

function begin(folder: string, settings: SearchSettings): void {
  checkNewFolder(folder);
  writeFileBytes(outputInside(folder, files.program), Buffer.from(programPage(settings, folder)));
  // Last: a folder with settings is a search.
  writeSettings(folder, settings);
}

/**
 * Runs a search to its end, from wherever it was; answers all records. Throws a `UserError`: E0988 if another process
 * is at work on it, E0986 if a new one finds something there, E0989 to E0992, E0994, E0995, and those of files. When `signal` is aborted it rejects with
 * its reason, and no worker is left.
 */
export async function runSearch(options: SearchOptions): Promise<readonly ExperimentRecord[]> {
  const { folder, settings, data, workers, signal, onRecord } = options;
  checkGate(settings.gate);
  checkData(settings, data);
  const { path, text, entry, overrides } = settings.model;
  const model = readModel({ source: { path, text }, entry, overrides });
  const baseline = baselineOf(settings.space, model);
  if (options.isNew) {
    checkNewFolder(folder);
    makeOutputFolder(folder);
  }
  const ended = new AbortController();
  const lock = takeLock(join(folder, files.lock));
  try {
    // The branch is looked at before anything is written.
    const records = options.isNew ? [] : readRecords(folder);
    const branch = branchOf(options, records);
    if (options.isNew) begin(folder, settings);
    const ledger = openLedger(folder, settings);
    const { onRun, others = [], entry: file } = options;
    const runner = processRunner({ settings, ...(file === undefined ? {} : { entry: file }) });
    const own = Array.from({ length: workers }, () => runner);
    return await searchLoop({
      ...{ settings, baseline, records: ledger.records, machine: machineText() },
      signal: AbortSignal.any([signal, ended.signal]),
      ...(options.given === undefined ? {} : { given: options.given }),
      measure: poolOf([...own, ...others], onRun),
      faultOf: faultFinder(settings, data),
      commit: (record, best) => branch?.commit(record, best) ?? null,
      append: (record) => {
        ledger.append(record);
        branch?.advance(record);
        onRecord?.(record);
      },
    });
  } finally {
    // However it ends, nobody waits for the runs that are under way.
    ended.abort();
    lock.release();
  }
}

function branchOf(
  { settings, warn = () => {} }: SearchOptions,
  records: readonly ExperimentRecord[],
): SearchBranch | undefined {
  const { branch } = settings;
  return branch === null ? undefined : openBranch({ folder: ".", branch, settings, records, warn });
}

/** What the losses of a budget of time depend on. */
function machineText(): string {
  const list = cpus();
  const processor = list[0]?.model.trim() ?? "unknown processor";
  return `${processor}, ${list.length} threads, ${process.platform} ${process.arch}, node ${process.version}`;
}
