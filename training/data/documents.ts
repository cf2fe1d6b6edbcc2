/**
 * Documents of text files, in parts of a few megabytes.
 *
 * A file is read in pieces; a piece may end inside a character, a line or a word, and what follows the
 * last good place to cut waits for the next piece.
 */
import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import {
  fieldIsNotText,
  inputNotFound,
  invalidJsonLine,
  invalidUtf8,
  missingField,
} from "../../compiler/messages/data.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { neighboursOf, readingFile } from "../../formats/files.ts";

/** A part of a document; `ends` on its last one. */
export interface TextPart {
  readonly text: string;
  readonly ends: boolean;
  /** How many bytes of input it took. */
  readonly bytes: number;
}

/** Bytes of input that are looked at together. */
export const PART_BYTES = 1 << 22;

/**
 * The documents of text and JSONL files, in order. All paths are checked before the first is read.
 * Throws a `UserError` (E0810 to E0813, E0815, E0704).
 */
export function readDocuments(
  paths: readonly string[],
  field: string,
  partBytes = PART_BYTES,
): Iterable<TextPart> {
  for (const path of paths) {
    if (!fs.existsSync(path)) throw new UserError(inputNotFound(path, neighboursOf(path)));
  }
  return partsOf(paths, field, partBytes);
}

function* partsOf(paths: readonly string[], field: string, partBytes: number): Iterable<TextPart> {
  for (const path of paths) {
    const pieces = readPieces(path, partBytes);
    if (isJsonLines(path)) yield* jsonDocuments(path, pieces, field);
    else yield* textDocument(pieces);
  }
}

export function isJsonLines(path: string): boolean {
  return /\.(jsonl|ndjson)$/i.test(path);
}

interface Piece {
  readonly text: string;
  readonly bytes: number;
}

function* textDocument(pieces: Iterable<Piece>): Iterable<TextPart> {
  let waiting = "";
  for (const { text, bytes } of pieces) {
    const all = waiting + text;
    const cut = lastCut(all);
    waiting = all.slice(cut);
    yield { text: all.slice(0, cut), ends: false, bytes };
  }
  yield { text: waiting, ends: true, bytes: 0 };
}

/**
 * The last offset in front of a blank that a word follows: both sides can be encoded apart. It is the
 * end in a text without such a place.
 */
export function lastCut(text: string): number {
  for (let i = text.length - 2; i > 0; i--) {
    if (BLANK.test(text[i]!) && !BLANK.test(text[i + 1]!)) return i;
  }
  return text.length;
}

const BLANK = /\s/;

function* jsonDocuments(path: string, pieces: Iterable<Piece>, field: string): Iterable<TextPart> {
  let line = 0;
  let waiting = "";
  for (const { text, bytes } of pieces) {
    const lines = (waiting + text).split("\n");
    waiting = lines.pop()!;
    for (const each of lines) yield* jsonDocument(path, each, ++line, field);
    yield { text: "", ends: false, bytes };
  }
  yield* jsonDocument(path, waiting, ++line, field);
}

function* jsonDocument(
  path: string,
  json: string,
  line: number,
  field: string,
): Iterable<TextPart> {
  if (json.trim() === "") return;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UserError(invalidJsonLine(path, line, (error as Error).message));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(invalidJsonLine(path, line, `it is ${kindOf(value)}`));
  }
  if (!Object.hasOwn(value, field)) {
    throw new UserError(missingField(path, line, field, Object.keys(value)));
  }
  const text = (value as Record<string, unknown>)[field];
  if (typeof text !== "string") {
    throw new UserError(fieldIsNotText(path, line, field, kindOf(text)));
  }
  yield { text, ends: true, bytes: 0 };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The text of a file in pieces of whole characters; a byte order mark at its start is dropped. */
function* readPieces(path: string, partBytes: number): Iterable<Piece> {
  const file = readingFile(path, () => fs.openSync(path, "r"));
  try {
    const decoder = new TextDecoder("utf-8");
    const buffer = Buffer.alloc(partBytes + MAX_CHARACTER);
    let kept = 0; // bytes of a character that the last piece ended in, at the start of the buffer
    let offset = 0; // of the buffer's first byte in the file
    for (;;) {
      const got = readingFile(path, () => fs.readSync(file, buffer, kept, partBytes, null));
      const end = kept + got;
      const whole = got === 0 ? end : wholeCharacters(buffer, end);
      const bytes = buffer.subarray(0, whole);
      if (!isUtf8(bytes)) throw new UserError(invalidUtf8(path, offset + firstInvalid(bytes)));
      if (whole > 0) yield { text: decoder.decode(bytes, { stream: true }), bytes: whole };
      if (got === 0) return;
      buffer.copyWithin(0, whole, end);
      kept = end - whole;
      offset += whole;
    }
  } finally {
    fs.closeSync(file);
  }
}

const MAX_CHARACTER = 4;

/** The end of the last character that lies wholly in front of `end`. */
function wholeCharacters(bytes: Uint8Array, end: number): number {
  for (let i = end - 1; i >= Math.max(0, end - MAX_CHARACTER); i--) {
    const byte = bytes[i]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return i + length <= end ? end : i;
    }
  }
  return end;
}

/** The offset of the first byte that belongs to no character, in bytes that are no UTF-8. */
function firstInvalid(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  // The bytes [0, good) are UTF-8 but for a character that may be open at the end.
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUtf8(bytes.subarray(0, wholeCharacters(bytes, middle)))) good = middle;
    else bad = middle;
  }
  return wholeCharacters(bytes, good);
}
