/**
 * Logs of a run as files: JSON lines, CSV, and event files of TensorBoard.
 *
 * A run that goes on from step N continues its logs from there: lines of later steps, which a process that was
 * killed had written after its last checkpoint, are cut off, and the steps are written again as they are
 * repeated. So a step is in a file once. A new run replaces the log of another one, as it does a checkpoint. Event
 * files are never changed; a new one tells readers from where on it counts.
 *
 * A line is one write of the system: whoever reads along sees whole lines, and after a kill at most the last one is
 * torn. It is mended when the file is opened again.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { notALog } from "../../compiler/messages/logs.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { makeOutputFolder, readingFile } from "../../formats/files.ts";
import { cutFile, linesOf, openToAppend } from "../../formats/lines_file.ts";
import { eventFileName, fileBegin, scalars } from "../../formats/tensorboard.ts";
import { columns } from "./columns.ts";
import { LOG_BEGINS, type LogRecord, recordOf } from "./record.ts";

/** A log that is open. Every call throws a `UserError` (E0701 to E0707). */
export interface Log {
  /** As the user called it. */
  readonly path: string;
  write(record: LogRecord): void;
  /** Returns when all that was written is on the disk. */
  flush(): void;
  close(): void;
}

export interface LogOptions {
  /** A run that begins, rather than one that goes on: nothing of the file is kept. */
  readonly isNew: boolean;
  /** Micro-steps that are done. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly now: number;
}

/** One JSON object a line (`record.ts`). Throws a `UserError`: E0930 for a file of another kind. */
export function openJsonLog(path: string, options: LogOptions): Log {
  mend(path, options, LOG_BEGINS, (line) => {
    const record = recordOf(line);
    const isRepeated = record?.event === "step" || record?.event === "validation";
    return record === undefined ? undefined : isRepeated ? { step: record.step } : {};
  });
  const file = openToAppend(path);
  return { path, ...file, write: (record) => file.append(`${JSON.stringify(record)}\n`) };
}

const FIRST_COLUMNS = ["step", "time"] as const;
const CSV_HEAD = [...FIRST_COLUMNS, ...columns.map((c) => c.name)].join(",");

/**
 * A row for each micro-step and each validation, with the names of the columns above. Throws a `UserError`: E0930 for
 * a file of another kind.
 */
export function openCsvLog(path: string, options: LogOptions): Log {
  const isEmpty = mend(path, options, CSV_HEAD, (line) => {
    if (line === CSV_HEAD) return {};
    const cells = line.split(",");
    const isRow = cells.length === columns.length + 2 && cells.every((c) => Number.isFinite(+c));
    return isRow && /^\d+$/.test(cells[0]!) ? { step: Number(cells[0]) } : undefined;
  });
  const file = openToAppend(path);
  if (isEmpty) file.append(`${CSV_HEAD}\n`);
  return {
    path,
    ...file,
    write(record) {
      const cells = columns.map(({ value }) => numberText(value(record)));
      if (cells.every((cell) => cell === "")) return;
      file.append(`${[record.step, record.time, ...cells].join(",")}\n`);
    },
  };
}

function numberText(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "" : String(value);
}

/** A new event file in a folder, which is made if it is not there. */
export function openTensorboardLog(folder: string, { isNew, step, now }: LogOptions): Log {
  makeOutputFolder(folder);
  const others = readingFile(folder, () => fs.readdirSync(folder));
  const file = openToAppend(join(folder, eventFileName(now, others)));
  file.append(fileBegin(now, isNew ? 0 : step + 1));
  return {
    path: folder,
    ...file,
    write(record) {
      const found = columns.map(({ tag, value }) => [tag, value(record)] as const);
      const values = found.filter((pair): pair is [string, number] => pair[1] !== undefined);
      if (record.step === undefined || values.length === 0) return;
      file.append(scalars(record.time, record.step, new Map(values)));
    },
  };
}

/**
 * Cuts a file of lines off where the run goes on, and answers whether nothing is left of it. `read` says the step of a
 * line, or undefined if the file cannot be ours; `begins` is what ours begin with.
 */
function mend(
  path: string,
  { isNew, step }: LogOptions,
  begins: string,
  read: (line: string) => { readonly step?: number } | undefined,
): boolean {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return true;
  needBegin(path, begins, found.size);
  let kept = 0;
  let number = 0;
  for (const { text, end } of linesOf(path)) {
    number += 1;
    const line = read(text);
    if (line === undefined) throw new UserError(notALog(path, number, "does not fit"));
    if (isNew || (line.step ?? 0) > step) break;
    kept = end;
  }
  cutFile(path, kept);
  return kept === 0;
}

/** A file that was cut off in its first line may be shorter than what ours begin with. */
function needBegin(path: string, begins: string, size: number): void {
  const wanted = Buffer.from(begins).subarray(0, size);
  const begin = Buffer.alloc(wanted.length);
  readingFile(path, () => {
    const file = fs.openSync(path, "r");
    try {
      fs.readSync(file, begin, 0, begin.length, 0);
    } finally {
      fs.closeSync(file);
    }
  });
  if (!begin.equals(wanted)) throw new UserError(notALog(path, 1, "does not begin like one"));
}
