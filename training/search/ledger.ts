/**
 * The files of a search, which are only ever added to:
 *
 *   search.json         the settings, written once
 *   experiments.jsonl   one line a record; on the disk before the next experiment begins
 *   results.tsv         one row a record, with the columns of the protocol, for people and agents
 *
 * A process that is killed while it writes leaves a line without its end. That line is dropped when the search goes
 * on, and its experiment is run again. `experiments.jsonl` is written first and alone decides what is there; rows
 * that are missing in `results.tsv` are added.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { noSearchThere, searchDamaged } from "../../compiler/messages/search.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { outputInside, readTextBytes, writeFileBytes } from "../../formats/files.ts";
import { appendText, linesOf, mendLines } from "../../formats/lines_file.ts";
import { type ExperimentRecord, lossOf, meanOf, type SearchSettings } from "./record.ts";

export const files = {
  settings: "search.json",
  records: "experiments.jsonl",
  results: "results.tsv",
  program: "program.md",
  summary: "summary.html",
  lock: "lock",
} as const;

/** Whether a folder holds a search. */
export function holdsSearch(folder: string): boolean {
  return fs.existsSync(join(folder, files.settings));
}

export function writeSettings(folder: string, settings: SearchSettings): void {
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  writeFileBytes(outputInside(folder, files.settings), Buffer.from(text));
}

/** Throws a `UserError` (E0987, E0989). */
export function readSettings(folder: string): SearchSettings {
  if (!holdsSearch(folder)) throw new UserError(noSearchThere(folder));
  const path = join(folder, files.settings);
  const value = jsonOf(Buffer.from(readTextBytes(path)).toString("utf8"));
  const settings = value as Partial<SearchSettings> | undefined;
  const objects = [
    settings?.model,
    settings?.data,
    settings?.budget,
    settings?.gate,
    settings?.space,
  ];
  const isWhole =
    settings?.version === 1 && objects.every((o) => typeof o === "object" && o !== null);
  if (!isWhole) throw new UserError(searchDamaged(path, 1, "holds no settings of a search"));
  return settings as SearchSettings;
}

function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

export interface Ledger {
  /** Those that were there. */
  readonly records: readonly ExperimentRecord[];
  /** When it returns, the record is on the disk. Throws a `UserError` (E0701 to E0707). */
  append(record: ExperimentRecord): void;
}

/** The records of a search without changing its files. Throws a `UserError` (E0989). */
export function readRecords(folder: string): readonly ExperimentRecord[] {
  const lines = [...linesOf(join(folder, files.records))];
  return lines.map(({ text }, i) => recordOf(text, i, folder));
}

/** Opens the files to write, and mends what a kill has left. Only the holder of the lock may. */
export function openLedger(folder: string, settings: SearchSettings): Ledger {
  const jsonl = outputInside(folder, files.records);
  const tsv = outputInside(folder, files.results);
  const records = readRecords(folder);
  mendLines(jsonl);
  mendLines(tsv);
  const rows = [headOf(settings), ...records.map((record) => rowOf(settings, record))];
  appendText(tsv, rows.slice([...linesOf(tsv)].length).join(""));
  return {
    records,
    append(record) {
      appendText(jsonl, `${JSON.stringify(record)}\n`);
      appendText(tsv, rowOf(settings, record));
    },
  };
}

const STATUSES: readonly unknown[] = ["keep", "discard", "rung", "crash", "skip"];

const isNumbers = (x: unknown): boolean => Array.isArray(x) && x.every((n) => Number.isFinite(n));

function recordOf(line: string, at: number, folder: string): ExperimentRecord {
  const path = join(folder, files.records);
  const fault = (what: string): never => {
    throw new UserError(searchDamaged(path, at + 1, what));
  };
  const record = jsonOf(line) as Partial<ExperimentRecord> | undefined;
  if (record === undefined) return fault("is not a JSON object");
  if (record.experiment !== at) return fault(`is not that of experiment ${at}`);
  const lists = [record.seeds, record.losses, record.bestLosses];
  const fresh = record.fresh ?? { seeds: [], losses: [], bestLosses: [] };
  const isWhole =
    STATUSES.includes(record.status) &&
    typeof record.config === "object" &&
    record.config !== null &&
    typeof record.digest === "string" &&
    record.fresh !== undefined &&
    Array.isArray(record.runs) &&
    [...lists, fresh.seeds, fresh.losses, fresh.bestLosses].every(isNumbers);
  if (!isWhole) return fault("is not a whole record of an experiment");
  if (at === 0 && record.status !== "keep") return fault("is not that of the baseline");
  return record as ExperimentRecord;
}

// results.tsv

const COLUMNS = {
  autoane: [
    ...["commit", "val_loss", "steps", "params_M", "ms_step"],
    ...["status", "description", "all_losses"],
  ],
  karpathy: ["commit", "val_bpb", "memory_gb", "status", "description"],
} as const;

function headOf({ protocol }: SearchSettings): string {
  return `${COLUMNS[protocol].join("\t")}\n`;
}

/** A row with its line break. The column `commit` has seven digits of the commit, or else of the configuration. */
export function rowOf({ protocol }: SearchSettings, record: ExperimentRecord): string {
  const { status, runs, reason, change } = record;
  const loss = lossOf(record);
  const commit = (record.commit ?? record.digest).slice(0, 7);
  const description = `${change === "" ? "no change" : change}; ${reason}`.replace(/\s+/g, " ");
  const done = runs.filter((run) => status !== "crash" && run.loss !== null);
  const mean = (value: (run: (typeof done)[number]) => number) =>
    done.length === 0 ? 0 : meanOf(done.map(value));
  if (protocol === "karpathy") {
    const peaks = status === "crash" ? [] : runs.map((run) => run.peakBytes);
    const memory = Math.max(0, ...peaks) / 2 ** 30;
    const cells = [commit, (loss ?? 0).toFixed(6), memory.toFixed(1), status, description];
    return `${cells.join("\t")}\n`;
  }
  const { losses, fresh } = record;
  const cells = [
    commit,
    loss === null ? "null" : loss.toFixed(3),
    String(Math.round(mean((run) => run.steps))),
    mean((run) => run.parameters / 1e6).toFixed(3),
    mean((run) => (1000 * run.trainingSeconds) / Math.max(1, run.steps)).toFixed(1),
    ...[status, description],
    `[${[...losses, ...(fresh?.losses ?? [])].map((x) => x.toFixed(3)).join(",")}]`,
  ];
  return `${cells.join("\t")}\n`;
}
