/**
 * Where commands may write, looked at before they begin: not over what they read, not over what is
 * somebody else's.
 *
 * Two paths are one file when they lead to one, through links too. Devices (`/dev/null`) may always be
 * written to.
 */
import * as fs from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import {
  badFlagValue,
  fileInTheWay,
  outputFolderTaken,
  outputIsInput,
  outputNotCheckpoint,
  outputOfAnotherFormat,
} from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { fileAmong, statOf } from "../compiler/support/file_in_the_way.ts";
import { readTextBytes } from "../formats/files.ts";
import { readCheckpoint } from "../training/checkpoint.ts";

/** A file that a command reads. */
export interface Input {
  readonly path: string;
  /** For "would overwrite …": "the model". */
  readonly what: string;
}

/** A file to write is none of those read. Throws a `UserError` (E0955, E0967, E0970). */
export function checkOutputFile(flag: string, path: string, inputs: readonly Input[]): void {
  if (path === "") throw new UserError(badFlagValue(flag, path, "the path of a file"));
  const input = inputs.find((i) => isSameFile(i.path, path));
  if (input !== undefined) throw new UserError(outputIsInput(flag, path, input.what));
  checkFolders(flag, path, dirname(path));
}

/** How names of files of other formats end, which readers would take a checkpoint for. */
const OTHER_FORMATS = [".gguf", ".safetensors", ".bin"];

/**
 * As `checkOutputFile`; a file that is there is a checkpoint, or empty, and the name is not that of another format.
 * Throws also E0976, E0968.
 */
export function checkCheckpointFile(flag: string, path: string, inputs: readonly Input[]): void {
  checkOutputFile(flag, path, inputs);
  const found = statOf(path);
  if (found?.isFile() === true && found.size > 0 && !isCheckpoint(path)) {
    throw new UserError(outputNotCheckpoint(flag, path));
  }
  const extension = extname(path);
  if (OTHER_FORMATS.includes(extension.toLowerCase())) {
    const own = `${path.slice(0, -extension.length)}.ckpt`;
    throw new UserError(outputOfAnotherFormat(flag, path, own));
  }
}

/** A folder to write a bundle to is new, empty, or a bundle. Throws a `UserError` (E0955, E0969, E0970). */
export function checkBundleFolder(flag: string, path: string, name: string): void {
  if (path === "") throw new UserError(badFlagValue(flag, path, "the path of a folder"));
  checkFolders(flag, path, path);
  if (statOf(path)?.isDirectory() !== true || namesIn(path).length === 0) return;
  if (!isBundle(path)) throw new UserError(outputFolderTaken(flag, path, join(path, name)));
}

/** No file stands where `folder`, or one above it, is or will be. */
function checkFolders(flag: string, path: string, folder: string): void {
  const file = fileAmong(folder);
  if (file !== undefined) throw new UserError(fileInTheWay(flag, path, file));
}

function isSameFile(a: string, b: string): boolean {
  const [x, y] = [statOf(a), statOf(b)];
  if (x === undefined || y === undefined) return resolve(a) === resolve(b);
  return x.isFile() && x.dev === y.dev && x.ino === y.ino;
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** A damaged checkpoint, or one of another version, is ours all the same. */
function isCheckpoint(path: string): boolean {
  try {
    readCheckpoint(path);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const code = error.diagnostics[0]?.code ?? "";
    if (/^E072[2-4]$/.test(code)) return true;
    if (/^E071|^E0721$/.test(code)) return false;
    throw error;
  }
}

function isBundle(folder: string): boolean {
  const path = join(folder, "manifest.json");
  if (statOf(path)?.isFile() !== true) return false;
  try {
    const manifest: unknown = JSON.parse(Buffer.from(readTextBytes(path)).toString("utf8"));
    return typeof manifest === "object" && manifest !== null && "anec" in manifest;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
