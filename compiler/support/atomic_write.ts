/**
 * Writes a file whole or not at all.
 *
 * The bytes go to a temporary file in the same folder, are flushed to the disk, and then take the
 * name of the file in one step. Whoever reads the file sees the old bytes or the new ones, after a
 * crash or a full disk too. A temporary file is left behind only by a process that is killed, and the next
 * writer of the file removes it; see temporary_files.ts.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { removeStaleTemporaries, temporaryName } from "./temporary_files.ts";

/** What went wrong with a file, as far as the user can act on it. */
export type FileFaultKind =
  | "disk_full"
  | "not_allowed"
  | "read_only"
  | "is_a_folder"
  | "not_found"
  | "other";

/**
 * The system refused to read or write a file. It carries facts only; `userErrorOf` of
 * compiler/messages/files.ts turns it into a diagnostic.
 */
export class FileFault extends Error {
  readonly kind: FileFaultKind;
  readonly path: string;
  readonly action: "read" | "write";
  /** The system's own words. */
  readonly words: string;

  constructor(kind: FileFaultKind, path: string, action: "read" | "write", words: string) {
    super(`${path}: ${words}`);
    this.name = "FileFault";
    this.kind = kind;
    this.path = path;
    this.action = action;
    this.words = words;
  }
}

/** The calls that `writeFileAtomic` makes. Tests replace one of them to fill a disk. */
export interface FileSystem {
  /** What the path leads to, links followed; undefined when there is nothing. */
  lookUp(
    path: string,
  ): { kind: "file" | "folder" | "device"; path: string; mode: number } | undefined;
  open(path: string, flags: string, mode: number): number;
  /** Writes some of the bytes and says how many. */
  write(file: number, bytes: Uint8Array): number;
  flush(file: number): void;
  close(file: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
}

/** The file system of the machine. */
export const diskFileSystem: FileSystem = {
  lookUp(path) {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const kind = found.isDirectory() ? "folder" : found.isFile() ? "file" : "device";
    return { kind, path: kind === "file" ? fs.realpathSync(path) : path, mode: found.mode & 0o777 };
  },
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  write: (file, bytes) => fs.writeSync(file, bytes, 0, bytes.length),
  flush: (file) => fs.fsyncSync(file),
  close: (file) => fs.closeSync(file),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
};

/**
 * Replaces `path` by `chunks`, in order. Links are followed, the permissions of an existing file are
 * kept (`mode` is that of a new one), and devices such as /dev/null are written to in place.
 *
 * Throws `FileFault` when the system refuses; the old file is then untouched. What the iteration of
 * `chunks` throws is passed on, likewise without a trace on the disk.
 */
export function writeFileAtomic(
  path: string,
  chunks: Uint8Array | Iterable<Uint8Array>,
  disk: FileSystem = diskFileSystem,
  mode = 0o666,
): void {
  const list = chunks instanceof Uint8Array ? [chunks] : chunks;
  const old = onDisk(path, () => disk.lookUp(path));
  if (old?.kind === "folder") throw new FileFault("is_a_folder", path, "write", "it is a folder");
  if (old?.kind === "device") {
    const device = onDisk(path, () => disk.open(path, "w", 0o666));
    // Devices have nothing to flush, and most refuse it.
    writeAll(device, path, list, { ...disk, flush: () => {} });
    return;
  }

  const target = old?.path ?? path;
  removeStaleTemporaries(target);
  const temporary = join(dirname(target), temporaryName(target));
  try {
    const file = onDisk(path, () => disk.open(temporary, "wx", old?.mode ?? mode));
    writeAll(file, path, list, disk);
    onDisk(path, () => disk.rename(temporary, target));
  } catch (error) {
    ignoringFailure(() => disk.remove(temporary));
    throw error;
  }
  // The new name is on the disk once its folder is. Some systems cannot flush a folder.
  ignoringFailure(() => {
    const folder = disk.open(dirname(target), "r", 0);
    try {
      disk.flush(folder);
    } finally {
      disk.close(folder);
    }
  });
}

/**
 * Makes a folder and those above it, unless they are there. Throws `FileFault`, with the path of the
 * folder that could not be made.
 *
 * Each level is tried once. The recursive `mkdir` of Node 20 never ends below /proc, and takes a
 * read-only disk for a missing folder.
 */
export function makeFolder(path: string, mode = 0o777): void {
  const found = statOf(path);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) {
    throw new FileFault("other", path, "write", "it is a file, and a folder is needed");
  }
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    fs.mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have been faster.
    if (statOf(path)?.isDirectory() === true) return;
    const fault = fileFaultOf(error, path, "write");
    const isBelowFolder = fault instanceof FileFault && fault.kind === "not_found";
    throw isBelowFolder ? new FileFault("other", path, "write", fault.words) : fault;
  }
}

/** Undefined where nothing is, or nothing can be seen. */
function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Writes and flushes all chunks, and closes the file in any case. */
function writeAll(
  file: number,
  path: string,
  chunks: Iterable<Uint8Array>,
  disk: FileSystem,
): void {
  let closed = false;
  try {
    for (const chunk of chunks) {
      for (let done = 0; done < chunk.length; ) {
        done += onDisk(path, () => disk.write(file, chunk.subarray(done, done + MAX_WRITE)));
      }
    }
    onDisk(path, () => disk.flush(file));
    closed = true;
    onDisk(path, () => disk.close(file));
  } finally {
    if (!closed) ignoringFailure(() => disk.close(file));
  }
}

/** One system call writes at most 2 GiB. */
const MAX_WRITE = 2 ** 30;

function onDisk<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileFaultOf(error, path, "write");
  }
}

function ignoringFailure(call: () => void): void {
  try {
    call();
  } catch {
    // Nothing depends on it.
  }
}

/** The fault behind an error of `node:fs`; any other error is returned as it is. */
export function fileFaultOf(error: unknown, path: string, action: "read" | "write"): unknown {
  if (!(error instanceof Error) || error instanceof FileFault) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined || (error as NodeJS.ErrnoException).syscall === undefined) return error;
  // "EACCES: permission denied, open '/x/y'" → "EACCES: permission denied"
  const words = error.message.replace(/, \w+( '.*)?$/s, "");
  return new FileFault(KIND_OF[code] ?? "other", path, action, words);
}

const KIND_OF: Readonly<Record<string, FileFaultKind>> = {
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EACCES: "not_allowed",
  EPERM: "not_allowed",
  EROFS: "read_only",
  EISDIR: "is_a_folder",
  ENOENT: "not_found",
  ENOTDIR: "not_found",
};
