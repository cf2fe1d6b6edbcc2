/**
 * Files that only grow, a line at a time: logs and ledgers.
 *
 * A process that is killed while it writes leaves a line without its end. Readers see whole lines only, and
 * `mendLines` drops what is left of the last one before more are added.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { withFileErrors } from "../compiler/messages/files.ts";
import { fileFaultOf } from "../compiler/support/atomic_write.ts";
import { readingFile } from "./files.ts";

export interface Line {
  /** Without its line break. */
  readonly text: string;
  /** Bytes of the file up to the end of the line, its break included. */
  readonly end: number;
}

/** No line of ours is longer; of a file with a longer one nothing after it is read. Bytes. */
export const LONGEST_LINE = 2 ** 24;

const CHUNK = 2 ** 18;

/**
 * The lines that end with a line break, beginning at a byte of the file that begins a line; none if there
 * is no file. Throws a `UserError` (E0702, E0704, E0707).
 */
export function* linesOf(path: string, from = 0): Generator<Line> {
  if (!fs.existsSync(path)) return;
  const file = readingFile(path, () => fs.openSync(path, "r"));
  try {
    let rest: Buffer = Buffer.alloc(0);
    // Of the first byte of `rest`.
    let at = from;
    while (rest.length <= LONGEST_LINE) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const got = readingFile(path, () => fs.readSync(file, chunk, 0, CHUNK, at + rest.length));
      if (got === 0) return;
      const bytes = Buffer.concat([rest, chunk.subarray(0, got)]);
      let begin = 0;
      for (let end: number; ; begin = end + 1) {
        end = bytes.indexOf(0x0a, begin === 0 ? rest.length : begin);
        if (end < 0) break;
        yield { text: bytes.toString("utf8", begin, end), end: at + end + 1 };
      }
      rest = Buffer.from(bytes.subarray(begin));
      at += begin;
    }
  } finally {
    fs.closeSync(file);
  }
}

/** The bytes of a file up to the end of its last whole line. */
export function wholeBytes(path: string): number {
  let bytes = 0;
  for (const { end } of linesOf(path)) bytes = end;
  return bytes;
}

/** Drops a last line that has no end. Throws a `UserError` (E0701 to E0707). */
export function mendLines(path: string): void {
  if (fs.existsSync(path)) cutFile(path, wholeBytes(path));
}

/** Drops what follows the first bytes, if anything does. Throws a `UserError` (E0701 to E0707). */
export function cutFile(path: string, bytes: number): void {
  writing(path, () => {
    const file = fs.openSync(path, "r+");
    try {
      if (fs.fstatSync(file).size <= bytes) return;
      fs.ftruncateSync(file, bytes);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
  });
}

/** A file that is open to be added to. Every call throws a `UserError` (E0701 to E0707). */
export interface GrowingFile {
  append(text: string | Uint8Array): void;
  /** Returns when all that was added is on the disk. */
  flush(): void;
  close(): void;
}

/** Opens a file to add to its end; it is made if it is not there. Throws a `UserError` (E0701 to E0707). */
export function openToAppend(path: string): GrowingFile {
  const isNew = !fs.existsSync(path);
  const file = writing(path, () => fs.openSync(path, "a"));
  const isDevice = !fs.fstatSync(file).isFile();
  return {
    append(text) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      for (let done = 0; done < bytes.length; )
        done += writing(path, () => fs.writeSync(file, bytes, done));
    },
    flush() {
      // Devices have nothing to flush, and most refuse it.
      if (isDevice) return;
      writing(path, () => fs.fsyncSync(file));
      if (isNew) flushFolder(dirname(path));
    },
    close: () => writing(path, () => fs.closeSync(file)),
  };
}

/** Adds text at the end and waits until it is on the disk. Throws a `UserError` (E0701 to E0707). */
export function appendText(path: string, text: string): void {
  if (text === "") return;
  const file = openToAppend(path);
  try {
    file.append(text);
    file.flush();
  } finally {
    file.close();
  }
}

/** A new name is on the disk once its folder is. Some systems cannot flush a folder. */
function flushFolder(path: string): void {
  try {
    const folder = fs.openSync(path, "r");
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
  } catch {
    // Nothing but the time of the write depends on it.
  }
}

function writing<T>(path: string, work: () => T): T {
  return withFileErrors(() => {
    try {
      return work();
    } catch (error) {
      throw fileFaultOf(error, path, "write");
    }
  });
}
