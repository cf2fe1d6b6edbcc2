/**
 * A log that is read along as it grows.
 *
 * A run that is resumed cuts its log off and writes on (`training/log/write.ts`). That is noticed by the last bytes
 * that were read: if they are no longer where they were, the log is read again from the beginning.
 */
import * as fs from "node:fs";
import { notALog } from "../../compiler/messages/logs.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { readingFile } from "../../formats/files.ts";
import { linesOf } from "../../formats/lines_file.ts";
import { recordOf } from "../../training/log/record.ts";
import { viewBuilder } from "./build_view.ts";
import type { RunView } from "./view.ts";

/** How many lines may still be read; whoever reads some takes them off. */
export interface LinesLeft {
  lines: number;
}

export interface FollowedRun {
  readonly path: string;
  /**
   * Reads what is new, or as much of it as may be, and answers whether there was anything. Throws a `UserError` if
   * the system refuses.
   */
  poll(left?: LinesLeft): boolean;
  view(): RunView;
}

/** Bytes that are compared. A line holds the time, so that no two are alike. */
const TAIL = 256;

export function followRun(path: string, name: string): FollowedRun {
  let builder = viewBuilder(name);
  let offset = 0;
  let tail: Buffer = Buffer.alloc(0);

  const begin = (): void => {
    builder = viewBuilder(name);
    offset = 0;
    tail = Buffer.alloc(0);
  };
  return {
    path,
    poll(left = { lines: Number.POSITIVE_INFINITY }) {
      if (left.lines <= 0) return false;
      const before = offset;
      const isChanged = !bytesBefore(path, offset, tail.length).equals(tail);
      if (isChanged) begin();
      for (const { text, end } of linesOf(path, offset)) {
        offset = end;
        // A line that somebody else has put there says nothing of the run.
        const record = recordOf(text);
        if (record !== undefined) builder.add(record);
        left.lines -= 1;
        if (left.lines <= 0) break;
      }
      if (offset === before && !isChanged) return false;
      tail = bytesBefore(path, offset, Math.min(TAIL, offset));
      return true;
    },
    view: () => builder.view(),
  };
}

/** The bytes in front of an offset: fewer, or none, if the file is shorter or gone. */
function bytesBefore(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (length === 0) return bytes;
  return readingFile(path, () => {
    if (fs.statSync(path, { throwIfNoEntry: false }) === undefined) return bytes.subarray(0, 0);
    const file = fs.openSync(path, "r");
    try {
      const got = fs.readSync(file, bytes, 0, length, offset - length);
      return bytes.subarray(0, got);
    } finally {
      fs.closeSync(file);
    }
  });
}

/** Throws a `UserError`: E0930 for a file that is no log, E0706 and E0707 for what cannot be read. */
export function checkLog(path: string): void {
  readingFile(path, () => fs.accessSync(path, fs.constants.R_OK));
  if (!isLog(path)) throw new UserError(notALog(path, 1, "is no record"));
}

/** Whether a file begins like a log: its first line is a record. */
export function isLog(path: string): boolean {
  for (const { text } of linesOf(path)) return recordOf(text) !== undefined;
  return false;
}

/** The run in a log as it is now. Throws the `UserError` of `checkLog`. */
export function readRun(path: string, name: string): RunView {
  checkLog(path);
  const run = followRun(path, name);
  run.poll();
  return run.view();
}
