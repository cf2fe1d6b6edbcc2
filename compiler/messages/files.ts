/** E07xx: files of weights, and the file system below them. */
import { FileFault } from "../support/atomic_write.ts";
import { UserError } from "../support/diagnostic.ts";
import { grouped } from "../support/numbers.ts";
import { didYouMean, listOf, message } from "./message.ts";

export { grouped } from "../support/numbers.ts";

/** "1 byte", "2 bytes". */
export function count(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
}

// The file system.

export const diskFull = message(
  "E0701",
  {
    summary: "the disk is full",
    explain:
      "A file could not be written because its disk, or your quota on it, is full. Files are written " +
      "whole or not at all: an older file of that name still holds what it held before.",
  },
  (path: string, words: string) => ({
    title: `the disk is full: cannot write \`${path}\``,
    why: "Nothing was changed; an older file of that name is as it was.",
    notes: [["system", words]],
    help: [{ text: "free some space, or write to another disk" }],
  }),
);

export const notAllowed = message(
  "E0702",
  {
    summary: "a file may not be read or written",
    explain:
      "The permissions of the file, or of the folder it is in, do not let you read or write it. To " +
      "write a file you need write permission on its folder, because the new file is made beside the " +
      "old one and then takes its name.",
  },
  (path: string, action: "read" | "write", words: string) => ({
    title: `you are not allowed to ${action} \`${path}\``,
    notes: [["system", words]],
    help: [{ text: `check the permissions of the file and of its folder (\`ls -ld\`)` }],
  }),
);

export const readOnlyDisk = message(
  "E0703",
  {
    summary: "the disk is read-only",
    explain: "A file was to be written to a disk that is mounted read-only.",
  },
  (path: string, words: string) => ({
    title: `cannot write \`${path}\`: its disk is read-only`,
    notes: [["system", words]],
    help: [{ text: "write to another folder" }],
  }),
);

export const isAFolder = message(
  "E0704",
  {
    summary: "a folder stands where a file should be",
    explain: "The path names a folder. Give the path of a file.",
  },
  (path: string, action: "read" | "write") => ({
    title: `cannot ${action} \`${path}\`: it is a folder`,
    help: [
      {
        text: action === "write" ? "add a file name to the path" : "give the path of a file in it",
      },
    ],
  }),
);

export const folderNotFound = message(
  "E0705",
  {
    summary: "the folder to write to does not exist",
    explain: "A file can only be written into a folder that exists. Create it first.",
  },
  (path: string) => ({
    title: `cannot write \`${path}\`: its folder does not exist`,
    help: [{ text: "create the folder (`mkdir -p`), or check the path for a typing mistake" }],
  }),
);

export const fileNotFound = message(
  "E0706",
  {
    summary: "a file does not exist",
    explain:
      "There is no file at the path that was given. Relative paths start at the current folder.",
  },
  (path: string, neighbours: readonly string[]) => ({
    title: `there is no file \`${path}\``,
    help: didYouMean(path.replace(/^.*[/\\]/, ""), neighbours),
  }),
);

export const fileFailed = message(
  "E0707",
  {
    summary: "the system could not read or write a file",
    explain:
      "The system refused for a reason that is none of the usual ones (no space, no permission, no such " +
      "file). Its own words follow; `EIO` points at a failing disk, `EMFILE` at too many open files.",
  },
  (path: string, action: "read" | "write", words: string) => ({
    title: `cannot ${action} \`${path}\``,
    notes: [["system", words]],
  }),
);

/** The user's error behind a `FileFault`; any other error is returned as it is. */
export function userErrorOf(error: unknown): unknown {
  if (!(error instanceof FileFault)) return error;
  const { path, action, words, kind } = error;
  switch (kind) {
    case "disk_full":
      return new UserError(diskFull(path, words));
    case "not_allowed":
      return new UserError(notAllowed(path, action, words));
    case "read_only":
      return new UserError(readOnlyDisk(path, words));
    case "is_a_folder":
      return new UserError(isAFolder(path, action));
    case "not_found":
      return new UserError(action === "write" ? folderNotFound(path) : fileNotFound(path, []));
    case "other":
      return new UserError(fileFailed(path, action, words));
    default:
      return kind satisfies never;
  }
}

/** Runs `work`; a `FileFault` in it becomes a `UserError`. */
export function withFileErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw userErrorOf(error);
  }
}

// Safetensors.

export const safetensorsTooShort = message(
  "E0710",
  {
    summary: "a safetensors file is too short",
    explain:
      "A safetensors file starts with eight bytes that hold the length of its header. This file ends " +
      "before that: it is empty, or a download that broke off.",
  },
  (name: string, bytes: number) => ({
    title: `\`${name}\` is not a safetensors file: it has only ${count(bytes, "byte")}`,
    why: "A safetensors file starts with eight bytes that hold the length of its header.",
    help: [{ text: "if it was downloaded, fetch it again" }],
  }),
);

export const safetensorsHeaderLength = message(
  "E0711",
  {
    summary: "the header of a safetensors file does not fit",
    explain:
      "The first eight bytes hold the length of the header. It must lie inside the file and below " +
      "100,000,000 bytes. Otherwise the file was cut off, or is of another format (a `.bin` checkpoint, " +
      "a Git LFS pointer, a web page that says why the download failed).",
  },
  (name: string, header: bigint, bytes: number, limit: number) => ({
    title: `\`${name}\` is cut off or not a safetensors file: its header does not fit`,
    why:
      `Its first eight bytes announce a header of ${header.toLocaleString("en")} bytes; ` +
      (header > BigInt(limit)
        ? `at most ${grouped(limit)} are allowed.`
        : `${count(bytes - 8, "byte")} follow.`),
    help: [{ text: "if it was downloaded, fetch it again" }],
  }),
);

export const safetensorsHeaderText = message(
  "E0712",
  {
    summary: "the header of a safetensors file is not JSON",
    explain: "The header must be one JSON object in UTF-8, with one entry a tensor.",
  },
  (name: string, words: string) => ({
    title: `the header of \`${name}\` is not a JSON object`,
    notes: [["parser", words]],
  }),
);

export const safetensorsEntry = message(
  "E0713",
  {
    summary: "an entry of a safetensors header is malformed",
    explain:
      "Each tensor is an object with exactly `dtype` (a name), `shape` (a list of whole numbers) and " +
      "`data_offsets` (two whole numbers, first byte and byte after the last); `__metadata__` is an " +
      "object of texts.",
  },
  (name: string, entry: string, what: string) => ({
    title: `\`${name}\`: ${what} of \`${entry}\``,
  }),
);

export const safetensorsDtype = message(
  "E0714",
  {
    summary: "a tensor is of a type that cannot be read",
    explain: "The tensor's `dtype` is not among those this version reads.",
  },
  (name: string, tensor: string, dtype: string, known: readonly string[]) => ({
    title: `\`${name}\`: tensor \`${tensor}\` has the unknown type \`${dtype}\``,
    why: `Known types are ${listOf(known)}.`,
    help: didYouMean(dtype, known),
  }),
);

export const safetensorsSize = message(
  "E0715",
  {
    summary: "the bytes of a tensor do not match its shape",
    explain: "A tensor occupies the product of its dimensions times the size of its type, exactly.",
  },
  (name: string, tensor: string, type: string, needs: string, has: number) => ({
    title: `\`${name}\`: tensor \`${tensor}\` has ${count(has, "byte")}, but ${type} needs ${needs}`,
  }),
);

export const safetensorsRange = message(
  "E0716",
  {
    summary: "a tensor lies outside its safetensors file",
    explain:
      "The offsets of a tensor must lie inside the data that follows the header. If the end is beyond " +
      "the file, the file was cut off.",
  },
  (name: string, tensor: string, begin: number, end: number, bytes: number) => ({
    title:
      `\`${name}\`: tensor \`${tensor}\` takes bytes ${grouped(begin)} to ${grouped(end)} ` +
      `of ${count(bytes, "byte")} of data`,
    ...(end > bytes ? { help: [{ text: "the file was cut off: fetch or copy it again" }] } : {}),
  }),
);

export const safetensorsOverlap = message(
  "E0717",
  {
    summary: "two tensors of a safetensors file overlap",
    explain: "The format lets every byte belong to one tensor only.",
  },
  (name: string, first: string, second: string, from: number) => ({
    title: `\`${name}\`: tensors \`${first}\` and \`${second}\` overlap at byte ${grouped(from)}`,
  }),
);

export const safetensorsGap = message(
  "E0718",
  {
    summary: "bytes of a safetensors file belong to no tensor",
    explain: "The format lets every byte after the header belong to exactly one tensor.",
  },
  (name: string, from: number, to: number) => ({
    title: `\`${name}\`: data bytes ${grouped(from)} to ${grouped(to)} belong to no tensor`,
  }),
);

export const safetensorsDuplicate = message(
  "E0719",
  {
    summary: "a name occurs twice in a safetensors header",
    explain: "Names must be unique; which of the two is meant cannot be told.",
  },
  (name: string, key: string) => ({
    title: `\`${name}\`: \`${key}\` occurs twice in the header`,
  }),
);

export const tensorNotConvertible = message(
  "E0720",
  {
    summary: "a tensor is not of the type that is needed",
    explain:
      "Whole numbers were expected, but the tensor holds fractions, or a number that does not fit in " +
      "32 bits.",
  },
  (tensor: string, dtype: string, what: string) => ({
    title: `tensor \`${tensor}\` (${dtype}) cannot be read as 32-bit whole numbers: ${what}`,
  }),
);
