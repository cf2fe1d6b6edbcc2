/** MIL programs and the weight files beside them. */
import { statSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { readBlobRecord } from "../compiler/bundle/blob.ts";
import { milNoWeightFile, milTooMuchMemory } from "../compiler/messages/mil_run.ts";
import { notText } from "../compiler/messages/syntax.ts";
import type { WeightResolver } from "../compiler/mil/interpret.ts";
import { parseMil } from "../compiler/mil/parse.ts";
import type { MilProgram } from "../compiler/mil/tree.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { type SourceFile, spanOf } from "../compiler/support/source.ts";
import { readFileBytes, readTextBytes } from "../formats/files.ts";
import { refuseWeights } from "./weight_files.ts";

/** Bytes that are looked at before a file is decoded: weights and packages show there. */
const HEAD = 4096;

/** A file's text. Throws a `UserError` if it cannot be read, or is not text (E0115, E0835). */
export function readText(path: string): SourceFile {
  refuseWeights(path, "a MIL program");
  const bytes = readTextBytes(path);
  const head = bytes.subarray(0, HEAD);
  if (head.includes(0)) throw notTextAt(path, head);
  try {
    return { path, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    throw notTextAt(path, bytes.subarray(0, 2 ** 24));
  }
}

/** The complaint about the first byte that is no character; `bytes` are the start of the file. */
function notTextAt(path: string, bytes: Uint8Array): UserError {
  const text = new TextDecoder().decode(bytes);
  const start = Math.max(0, text.search(/[\0\ufffd]/));
  return new UserError(notText(spanOf({ path, text }, start, start + 1)));
}

/** A file's program. Throws a `UserError` if it cannot be read or is no MIL text. */
export function readMil(path: string): MilProgram {
  return parseMil(readText(path));
}

/** The bytes of a weight file as a program names it, or undefined if there is none. */
export type WeightFiles = (name: string) => Uint8Array | undefined;

/** Weight files where Apple's tools put them; each is read once. */
export function weightFilesOf(program: string): WeightFiles {
  const read = new Map<string, Uint8Array | undefined>();
  return (name) => {
    if (!read.has(name)) {
      const found = placesOf(program, name).find(isFile);
      read.set(name, found === undefined ? undefined : readFileBytes(found));
    }
    return read.get(name);
  };
}

/** The path of a weight file that is there, or undefined. */
export function weightPathOf(program: string, name: string): string | undefined {
  return placesOf(program, name).find(isFile);
}

/**
 * Records of weight files of at most `mostBytes`. What it returns throws a `UserError` (E0376, E0378,
 * E0750 to E0752).
 */
export function weightsOf(program: string, mostBytes: number): WeightResolver {
  const files = weightFilesOf(program);
  return (name, offset) => {
    const path = weightPathOf(program, name);
    if (path === undefined) throw new UserError(milNoWeightFile(name, placesOf(program, name)));
    if (statSync(path).size > mostBytes)
      throw new UserError(milTooMuchMemory(undefined, `the weights of \`${path}\``));
    return readBlobRecord(files(name)!, offset, path);
  };
}

/**
 * Where a weight file may be: `@model_path` is the folder of the program, or the one above it, as in
 * compiled models that have a folder for each program. In a bundle of anec `programs/NAME.mil` has its
 * weights in `weights/NAME.bin`.
 */
function placesOf(program: string, name: string): readonly string[] {
  const rest = name.replace(/^@model_path\/*/, "");
  if (isAbsolute(rest)) return [rest];
  const folder = dirname(program);
  const places = [join(folder, rest), join(folder, "..", rest)];
  if (basename(folder) !== "programs") return places;
  return [...places, join(folder, "..", dirname(rest), `${basename(program, ".mil")}.bin`)];
}

/** Pipes and devices, which may have no end, are no weight files. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
