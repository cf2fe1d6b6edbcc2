/**
 * Whole files in and out, with the system's refusals as diagnostics.
 *
 * Reading makes one buffer of the file's size, so that tensors of a large file can be views of it.
 */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileNotFound, withFileErrors } from "../compiler/messages/files.ts";
import {
  diskFileSystem,
  FileFault,
  type FileSystem,
  fileFaultOf,
  makeFolder,
  writeFileAtomic,
} from "../compiler/support/atomic_write.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { insidePath } from "../compiler/support/inside_folder.ts";

/** One system call reads at most 2 GiB. */
const MAX_READ = 2 ** 30;
/** What is read of a pipe or a device, which may have no end. Bytes. */
const MOST_OF_PIPE = 2 ** 28;

/**
 * The bytes of a file, at offset 0 of a buffer of their own. Throws a `UserError` (E0702, E0704,
 * E0706, E0707).
 */
export function readFileBytes(path: string): Uint8Array<ArrayBuffer> {
  return readingFile(path, () => {
    const file = fs.openSync(path, "r");
    try {
      const found = fs.fstatSync(file);
      if (found.isDirectory()) throw new FileFault("is_a_folder", path, "read", "it is a folder");
      if (!found.isFile()) return pipeBytes(file, path);
      const bytes = new Uint8Array(found.size);
      let done = 0;
      while (done < bytes.length) {
        const got = fs.readSync(file, bytes, done, Math.min(MAX_READ, bytes.length - done), null);
        if (got === 0) break;
        done += got;
      }
      return done === bytes.length ? bytes : bytes.slice(0, done);
    } finally {
      fs.closeSync(file);
    }
  });
}

/** Texts that are no data: sources, descriptions, tokenizers. Bytes. */
const MOST_TEXT = 2 ** 28;

/** The bytes of a text of a size that people and tools write. Throws a `UserError`, as `readFileBytes`. */
export function readTextBytes(path: string): Uint8Array<ArrayBuffer> {
  return readingFile(path, () => {
    const size = fs.statSync(path).size;
    if (size <= MOST_TEXT) return readFileBytes(path);
    const words = `it has ${size} bytes, and texts of at most ${MOST_TEXT} are read`;
    throw new FileFault("other", path, "read", words);
  });
}

/** Pipes have no size; they are read to their end, if they have one. */
function pipeBytes(file: number, path: string): Uint8Array<ArrayBuffer> {
  const chunks: Buffer[] = [];
  for (let bytes = 0; bytes <= MOST_OF_PIPE; ) {
    const chunk = Buffer.allocUnsafe(1 << 20);
    const got = fs.readSync(file, chunk, 0, chunk.length, null);
    if (got === 0) return Uint8Array.from(Buffer.concat(chunks));
    chunks.push(chunk.subarray(0, got));
    bytes += got;
  }
  const words = `it is a pipe or a device, of which at most ${MOST_OF_PIPE} bytes are read`;
  throw new FileFault("other", path, "read", words);
}

/**
 * Replaces a file, whole or not at all; see `writeFileAtomic`. Throws a `UserError` (E0701 to E0707).
 */
export function writeFileBytes(
  path: string,
  chunks: Uint8Array | Iterable<Uint8Array>,
  disk: FileSystem = diskFileSystem,
): void {
  withFileErrors(() => writeFileAtomic(path, chunks, disk));
}

/** As `writeFileBytes`; a new file is for the user alone. */
export function writePrivateFile(path: string, chunks: Uint8Array | Iterable<Uint8Array>): void {
  withFileErrors(() => writeFileAtomic(path, chunks, diskFileSystem, 0o600));
}

/** Where to write file `name` of a folder that strangers may have made; see `insidePath`. Throws a `UserError`. */
export function outputInside(folder: string, name: string): string {
  return withFileErrors(() => insidePath(folder, name));
}

/** Creates a folder, and those above it, unless they are there. Throws a `UserError`. */
export function makeOutputFolder(path: string): void {
  withFileErrors(() => makeFolder(path));
}

/** Creates a folder, and those above it, for the user alone. Throws a `UserError`. */
export function makePrivateFolder(path: string): void {
  withFileErrors(() => makeFolder(path, 0o700));
}

/** Runs `work` with a new folder that is gone afterwards. Throws a `UserError`, or what `work` throws. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = changingFiles(tmpdir(), () => fs.mkdtempSync(join(tmpdir(), "anec-")));
  try {
    return await work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function changingFiles<T>(path: string, work: () => T): T {
  return withFileErrors(() => {
    try {
      return work();
    } catch (error) {
      throw fileFaultOf(error, path, "write");
    }
  });
}

/** Runs `work`, which reads `path`; the system's refusals become `UserError`s. */
export function readingFile<T>(path: string, work: () => T): T {
  return withFileErrors(() => {
    try {
      return work();
    } catch (error) {
      const fault = fileFaultOf(error, path, "read");
      if (fault instanceof FileFault && fault.kind === "not_found") {
        throw new UserError(fileNotFound(path, neighboursOf(path)));
      }
      throw fault;
    }
  });
}

/** The names in the folder of `path`, for "did you mean". */
export function neighboursOf(path: string): string[] {
  try {
    return fs.readdirSync(dirname(path)).filter((name) => name !== basename(path));
  } catch {
    return [];
  }
}
