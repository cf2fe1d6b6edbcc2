/**
 * Text to a token file.
 *
 * Each text file, and each line of a JSONL file, is a document. The end-of-text token is put behind each, and before
 * it what the tokenizer says that every text begins with. Texts are read and encoded a few megabytes at a time. They are cut only where the tokenizer
 * cuts anyway, in front of a blank that a word follows, so the ids are those of the whole text.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename } from "node:path";
import { emptyText } from "../../compiler/messages/data.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { readingFile, writeFileBytes, writePrivateFile } from "../../formats/files.ts";
import { readDocuments, type TextPart } from "./documents.ts";
import {
  idBytes,
  METADATA_VERSION,
  metadataPath,
  type TokenMetadata,
  type Tokens,
  valStartOf,
} from "./token_file.ts";
import { byteLengths, type Tokenizer } from "./tokenizers.ts";

/** How far a preparation is. `total` is 0 where it is not known. */
export interface PrepareProgress {
  readonly stage: "download" | "tokenize" | "finish";
  readonly bytes: number;
  readonly total: number;
  readonly tokens: number;
}

export interface PrepareOptions {
  /** Paths of texts; `.jsonl` and `.ndjson` hold one JSON object a line. */
  readonly input: readonly string[];
  /** Path of the `.bin`; its metadata is written beside it. */
  readonly output: string;
  readonly tokenizer: Tokenizer;
  /** Whether the files are for the user alone. */
  readonly isPrivate?: boolean;
  /** The field of JSONL lines that holds the text. */
  readonly field?: string;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

/** Prepares text files. Throws a `UserError` (E0810 to E0815, E0701 to E0707). */
export function prepare(options: PrepareOptions): TokenMetadata {
  return prepareParts({
    ...options,
    parts: readDocuments(options.input, options.field ?? "text"),
    names: options.input.map((path) => basename(path)),
    total: options.input.reduce((sum, path) => sum + sizeOf(path), 0),
  });
}

/** Prepares texts in memory, each a document called by its name. Throws a `UserError`. */
export function prepareTexts(
  options: Omit<PrepareOptions, "input" | "field"> & {
    readonly documents: readonly { readonly name: string; readonly text: string }[];
    /** What the metadata calls the source. */
    readonly names: readonly string[];
  },
): TokenMetadata {
  const { documents } = options;
  const total = documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const parts = documents.map(({ text }) => ({ text, ends: true, bytes: Buffer.byteLength(text) }));
  return prepareParts({ ...options, parts, total });
}

/** Tokens that are written together. */
const CHUNK_TOKENS = 1 << 16;

interface PartsOptions {
  readonly parts: Iterable<TextPart>;
  readonly names: readonly string[];
  readonly total: number;
  readonly output: string;
  readonly tokenizer: Tokenizer;
  readonly isPrivate?: boolean;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

function prepareParts(options: PartsOptions): TokenMetadata {
  const { names, output, tokenizer, total, onProgress } = options;
  const write = options.isPrivate === true ? writePrivateFile : writeFileBytes;
  const dtype = tokenizer.vocabulary > 65536 ? "uint32" : "uint16";
  const tokensHash = createHash("sha256");
  const sourceHash = createHash("sha256");
  let tokens = 0;
  let documents = 0;
  let bytes = 0;

  let ids: number[] = [];
  const flushed = (): Uint8Array => {
    const chunk = asBytes(dtype === "uint32" ? Uint32Array.from(ids) : Uint16Array.from(ids));
    tokensHash.update(chunk);
    tokens += ids.length;
    ids = [];
    onProgress?.({ stage: "tokenize", bytes, total, tokens });
    return chunk;
  };

  function* chunks(): Iterable<Uint8Array> {
    const { startOfText = [], endOfText } = tokenizer;
    let [blank, begins] = [true, true];
    for (const part of options.parts) {
      if (blank && part.text.trim() !== "") blank = false;
      sourceHash.update(part.text);
      if (begins) ids.push(...startOfText);
      for (const id of tokenizer.encode(part.text)) ids.push(id);
      begins = part.ends;
      if (part.ends) {
        documents += 1;
        if (endOfText !== undefined) ids.push(endOfText);
      }
      bytes += part.bytes;
      // Documents may be tiny and many: they are written together.
      if (ids.length >= CHUNK_TOKENS) yield flushed();
    }
    if (blank) throw new UserError(emptyText(names));
    yield flushed();
  }
  write(output, chunks());

  onProgress?.({ stage: "finish", bytes, total, tokens });
  const valStart = valStartOf(tokens);
  const mean = (from: number) => meanBytes(output, from, tokens, dtype, byteLengths(tokenizer));
  const metadata: TokenMetadata = {
    version: METADATA_VERSION,
    tokenizer: tokenizer.name,
    vocabulary: tokenizer.vocabulary,
    dtype,
    tokens,
    // A very short text may have only the end-of-text token to validate.
    bytesPerToken: mean(valStart) || mean(0),
    split: { valStart },
    sha256: tokensHash.digest("hex"),
    source: {
      sha256: sourceHash.digest("hex"),
      files: names,
      documents,
      bytes,
    },
  };
  write(metadataPath(output), Buffer.from(`${JSON.stringify(metadata, null, 2)}\n`));
  return metadata;
}

/** Mean bytes of the tokens [from, to) of a token file; read in pieces, for they may be many. */
function meanBytes(
  path: string,
  from: number,
  to: number,
  dtype: TokenMetadata["dtype"],
  lengths: Uint16Array,
): number {
  const width = idBytes(dtype);
  const piece: Tokens = dtype === "uint32" ? new Uint32Array(1 << 18) : new Uint16Array(1 << 18);
  return readingFile(path, () => {
    const file = fs.openSync(path, "r");
    try {
      let sum = 0;
      for (let at = from; at < to; at += piece.length) {
        const n = Math.min(piece.length, to - at);
        fs.readSync(file, piece, 0, n * width, at * width);
        for (let i = 0; i < n; i++) sum += lengths[piece[i]!]!;
      }
      return sum / (to - from);
    } finally {
      fs.closeSync(file);
    }
  });
}

function asBytes(ids: Tokens): Uint8Array {
  return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
}

function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
