/**
 * A text as token ids: `NAME.bin`, and beside it `NAME.json`, which says where the ids come from.
 *
 * The `.bin` is a plain sequence of little-endian ids of 16 bits, or of 32 bits when the vocabulary has
 * more than 65,536. It may stand alone, as those of other programs do; then its ids have 16 bits
 * and its tokenizer is unknown.
 *
 * The first 90 % are the training split, the rest is the validation split.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import {
  tokenBeyondVocabulary,
  tokenFileDigest,
  tokenFileEmpty,
  tokenFileNotFound,
  tokenFileSize,
  tokenFileTruncated,
  tokenMetadataCorrupt,
  tokenMetadataVersion,
  tooFewTokens,
} from "../../compiler/messages/data.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { neighboursOf, readFileBytes, readTextBytes } from "../../formats/files.ts";

export type Tokens = Uint16Array | Uint32Array;

/** The contents of `NAME.json`. */
export interface TokenMetadata {
  readonly version: 1;
  /** A name of `tokenizerNames`, or a foreign one. */
  readonly tokenizer: string;
  /** Number of ids of the tokenizer. */
  readonly vocabulary: number;
  readonly dtype: "uint16" | "uint32";
  readonly tokens: number;
  /** Mean UTF-8 bytes of a token of the validation split, or of all when that has only special tokens, which count as none. */
  readonly bytesPerToken: number;
  readonly split: { readonly valStart: number };
  /** Of `NAME.bin`, in hex; empty when it is not known. */
  readonly sha256: string;
  readonly source: {
    /** Of the texts, one after the other, in hex. */
    readonly sha256: string;
    readonly files: readonly string[];
    readonly documents: number;
    readonly bytes: number;
  };
}

export const METADATA_VERSION = 1;

/** A token file in memory. */
export interface TokenData {
  /** As it was opened. */
  readonly path: string;
  readonly tokens: Tokens;
  /** Tokens [0, valStart) are for training; trainTokens = valStart. */
  readonly valStart: number;
  readonly trainTokens: number;
  readonly valTokens: number;
  /** Every id is below it: of the metadata, else as asked for, else the largest id + 1. */
  readonly vocabulary: number;
  /** Undefined when there is no metadata. */
  readonly tokenizer: string | undefined;
  readonly bytesPerToken: number | undefined;
}

export interface OpenOptions {
  /** The vocabulary of the model; every id must be below it. */
  readonly vocabulary?: number;
  /** The sequence length S; both splits must hold a window of it. */
  readonly sequence?: number;
}

/** Where the validation split starts. */
export function valStartOf(tokens: number): number {
  return Math.trunc(tokens * 0.9);
}

/** `NAME.json` for `NAME.bin`. */
export function metadataPath(path: string): string {
  return path.replace(/\.bin$/, "") + ".json";
}

/** Bytes of an id. */
export function idBytes(dtype: TokenMetadata["dtype"]): 2 | 4 {
  return dtype === "uint32" ? 4 : 2;
}

/** Opens a token file. Throws a `UserError` (E0801 to E0808, E0816, or E0702 to E0707 for the system's refusals). */
export function openTokenFile(path: string, options: OpenOptions = {}): TokenData {
  if (!fs.existsSync(path)) {
    throw new UserError(
      tokenFileNotFound(
        path,
        neighboursOf(path).filter((n) => n.endsWith(".bin")),
      ),
    );
  }
  const metadata = readMetadata(metadataPath(path));
  const bytes = readFileBytes(path);
  const width = idBytes(metadata?.dtype ?? "uint16");
  if (bytes.length === 0) throw new UserError(tokenFileEmpty(path));
  if (bytes.length % width !== 0) throw new UserError(tokenFileSize(path, bytes.length, width));

  const tokens = width === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
  if (metadata !== undefined && metadata.tokens !== tokens.length) {
    throw new UserError(tokenFileTruncated(path, metadata.tokens, tokens.length));
  }
  const ofModel = options.vocabulary ?? Infinity;
  const largest =
    metadata === undefined || ofModel < metadata.vocabulary
      ? checkVocabulary(path, tokens, ofModel)
      : checkVocabulary(path, tokens, metadata.vocabulary, metadataPath(path));
  // Last, for the checks before it say more. It takes about 6 ms for 10 MB.
  if (metadata !== undefined && metadata.sha256 !== "") {
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (digest !== metadata.sha256) {
      throw new UserError(tokenFileDigest(path, metadataPath(path)));
    }
  }

  const valStart = valStartOf(tokens.length);
  const data: TokenData = {
    path,
    tokens,
    valStart,
    trainTokens: valStart,
    valTokens: tokens.length - valStart,
    vocabulary: metadata?.vocabulary ?? options.vocabulary ?? largest + 1,
    tokenizer: metadata?.tokenizer,
    bytesPerToken: metadata?.bytesPerToken,
  };
  if (options.sequence !== undefined) checkSequence(data, options.sequence);
  return data;
}

/** Both splits must hold a window of `S` tokens and its targets. Throws a `UserError` (E0806). */
export function checkSequence(data: TokenData, S: number): void {
  for (const [part, tokens] of [
    ["training", data.trainTokens],
    ["validation", data.valTokens],
  ] as const) {
    if (tokens < S + 2) throw new UserError(tooFewTokens(data.path, part, tokens, S));
  }
}

/**
 * The largest id. Throws a `UserError` (E0805) at the first that is not below `limit`; `metadata` is the path
 * of the metadata when the limit comes from there.
 */
export function checkVocabulary(
  path: string,
  tokens: Tokens,
  limit: number,
  metadata?: string,
): number {
  let largest = 0;
  for (let i = 0; i < tokens.length; i++) {
    const id = tokens[i]!;
    if (id <= largest) continue;
    largest = id;
    if (id >= limit) throw new UserError(tokenBeyondVocabulary(path, i, id, limit, metadata));
  }
  // An id of 0 is beyond a vocabulary of nothing only.
  if (limit <= 0) throw new UserError(tokenBeyondVocabulary(path, 0, tokens[0]!, limit, metadata));
  return largest;
}

/** The metadata at `path`, or undefined when there is none. Throws a `UserError` (E0807, E0808). */
export function readMetadata(path: string): TokenMetadata | undefined {
  if (!fs.existsSync(path)) return undefined;
  const corrupt = (what: string): never => {
    throw new UserError(tokenMetadataCorrupt(path, what));
  };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(readTextBytes(path)).toString("utf8"));
  } catch (error) {
    if (error instanceof UserError) throw error;
    return corrupt("it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return corrupt("it is not a JSON object");
  }
  const fields = value as Partial<Record<keyof TokenMetadata, unknown>>;
  if (fields.version === undefined) return corrupt("`version` is missing");
  if (fields.version !== METADATA_VERSION) {
    throw new UserError(
      tokenMetadataVersion(path, JSON.stringify(fields.version), METADATA_VERSION),
    );
  }
  for (const [field, isRight, kind] of CHECKS) {
    if (!isRight(fields[field])) {
      corrupt(
        fields[field] === undefined ? `\`${field}\` is missing` : `\`${field}\` is not ${kind}`,
      );
    }
  }
  const metadata = value as TokenMetadata;
  if (metadata.split.valStart !== valStartOf(metadata.tokens)) {
    corrupt("`split` does not leave the last 10 % for validation");
  }
  return metadata;
}

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isText = (value: unknown): boolean => typeof value === "string";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

const CHECKS: readonly (readonly [keyof TokenMetadata, (value: unknown) => boolean, string])[] = [
  ["tokenizer", isText, "a text"],
  ["vocabulary", isWhole, "a whole number above 0"],
  ["dtype", (value) => value === "uint16" || value === "uint32", '"uint16" or "uint32"'],
  ["tokens", isWhole, "a whole number above 0"],
  [
    "bytesPerToken",
    (value) => Number.isFinite(value) && (value as number) > 0,
    "a finite number above 0",
  ],
  ["split", isObject, "an object"],
  ["sha256", isText, "a text"],
  ["source", isObject, "an object"],
];

/** Sha256 of tokens, in hex. */
export function digestOfTokens({ tokens }: TokenData): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash("sha256").update(bytes).digest("hex");
}
