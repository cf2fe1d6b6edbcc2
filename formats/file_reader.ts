/**
 * Parts of a large file, read where they are needed.
 *
 * A reader of a format looks at the header first, compares what it claims with `size`, and only then asks for
 * tensors: nothing is allocated by a number that the file's size does not bear out.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { FileFault } from "../compiler/support/atomic_write.ts";
import { invariant } from "../compiler/support/bug.ts";
import { readingFile } from "./files.ts";

/** A file that is open for reading. */
export interface OpenFile {
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  /** The bytes [offset, offset + length), at offset 0 of a buffer of their own. They must lie inside the file. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** One system call reads at most 2 GiB. */
const MAX_READ = 2 ** 30;

/** Runs `work` with a file that is closed afterwards. Throws a `UserError` (E0702 to E0707), or what `work` throws. */
export function withOpenFile<T>(path: string, work: (file: OpenFile) => T): T {
  return readingFile(path, () => {
    const file = fs.openSync(path, "r");
    try {
      const found = fs.fstatSync(file);
      if (found.isDirectory()) throw new FileFault("is_a_folder", path, "read", "it is a folder");
      return work({ path, size: found.size, read: (offset, n) => readPart(file, path, offset, n) });
    } finally {
      fs.closeSync(file);
    }
  });
}

function readPart(
  file: number,
  path: string,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  invariant(offset >= 0 && length >= 0, "a part of a file has a place and a length");
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const got = fs.readSync(file, bytes, done, Math.min(MAX_READ, length - done), offset + done);
    if (got === 0) throw new FileFault("other", path, "read", "it ended before its size said");
    done += got;
  }
  return bytes;
}

/** Bytes that are read at once while a file is digested. */
const PIECE = 1 << 22;

/** Sha256 of the whole file, in hex, read in pieces. */
export function digestOfFile(file: OpenFile): string {
  const hash = createHash("sha256");
  for (let at = 0; at < file.size; at += PIECE) {
    hash.update(file.read(at, Math.min(PIECE, file.size - at)));
  }
  return hash.digest("hex");
}
