/**
 * Tokenizers from `tokenizer.json`: byte-pair encoding over bytes (GPT-2, Llama 3, Qwen, SmolLM2) or over
 * characters with bytes for the rest (Llama 2).
 *
 *     text → special and other added tokens → normalizer → pre-tokenizer → pairs joined → ids
 */
import { createHash } from "node:crypto";
import { createStreamDecoder, type Tokenizer } from "../training/data/tokenizers.ts";
import { MAX_IDS, type Merges, mergePairs, pairKey } from "./bpe.ts";
import { readTextBytes } from "./files.ts";
import { duplicateKey } from "./json_keys.ts";
import {
  type AddedSplitter,
  type AddedToken,
  addedSplitter,
  readAddedTokens,
} from "./tokenizer_added.ts";
import { type Alphabet, readAlphabet } from "./tokenizer_alphabet.ts";
import {
  at,
  damaged,
  flagAt,
  isNothing,
  itemsAt,
  objectAt,
  type Place,
  textAt,
  unsupported,
  wholeAt,
} from "./tokenizer_parse.ts";
import { readNormalizer, readPreTokenizer } from "./tokenizer_steps.ts";

/** The name of a tokenizer that is known by its contents only; equal files have equal names. */
export function tokenizerId(json: string): string {
  return `json:${createHash("sha256").update(json).digest("hex").slice(0, 16)}`;
}

export interface JsonTokenizerOptions {
  /** For messages. */
  readonly path: string;
  /** The special token between documents; unless given, the usual ones are looked for. */
  readonly endOfText?: number | null;
}

const END_OF_TEXT = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<|eot_id|>", "<|im_end|>"];

/** The tokenizer of a file's text. Throws a `UserError` (E0830, E0831) that names the place. */
export function parseTokenizerJson(json: string, options: JsonTokenizerOptions): Tokenizer {
  const { path } = options;
  const root: Place = { value: parseJson(json, path), name: "", path };
  const model = readModel(at(root, "model"));
  const added = readAddedTokens(at(root, "added_tokens"), model.vocab);
  const normalize = readNormalizer(at(root, "normalizer"));
  const preTokenize = readPreTokenizer(at(root, "pre_tokenizer"));
  const alphabet = readAlphabet(at(root, "decoder"), at(root, "pre_tokenizer"));
  const before = readTemplate(at(root, "post_processor"));
  const table = byteTable(model.vocab, added, alphabet);
  for (const id of before) if (id >= table.length) damaged(at(root, "post_processor"), `id ${id}`);

  const encodeSpan = (text: string, isFirst: boolean): number[] =>
    preTokenize({ text, isFirst }).flatMap(({ text: piece }) =>
      model.encode(alphabet.spell(piece)),
    );
  const encode = (text: string, split: AddedSplitter): number[] =>
    split(text).flatMap((part) => ("id" in part ? [part.id] : encodeSpan(part.text, part.isFirst)));
  const splitAll = addedSplitter(added, normalize);
  const splitPlain = addedSplitter(
    added.filter((token) => !token.isSpecial),
    normalize,
  );
  const endOfText = endOf(options.endOfText, added, table.length);
  const tokenizer: Tokenizer = {
    name: tokenizerId(json),
    vocabulary: table.length,
    encode: (text) => encode(text, splitPlain),
    encodePrompt: (text) => [...before, ...encode(text, splitAll)],
    decodeBytes: (id) => table[id] ?? new Uint8Array(0),
    decode(ids) {
      const stream = createStreamDecoder(tokenizer);
      let text = "";
      for (const id of ids) text += stream.push(id);
      return alphabet.trim(text + stream.end());
    },
    ...(endOfText === undefined ? {} : { endOfText }),
    ...(before.length === 0 ? {} : { startOfText: before }),
  };
  return tokenizer;
}

/** The tokenizer in a file. Throws a `UserError` (E0830, E0831, those of files). */
export function readTokenizerJson(path: string): Tokenizer {
  return parseTokenizerJson(new TextDecoder().decode(readTextBytes(path)), { path });
}

function parseJson(json: string, path: string): unknown {
  const whole: Place = { value: undefined, name: "", path };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    damaged(whole, `it is not JSON: ${(error as Error).message}`);
  }
  const twice = duplicateKey(json);
  if (twice !== undefined) damaged(whole, `the key \`${twice}\` occurs twice`);
  return value;
}

interface BpeModel {
  readonly vocab: ReadonlyMap<string, number>;
  /** Ids of a piece that is spelled in the alphabet of the vocabulary. */
  readonly encode: (piece: string) => readonly number[];
}

function readModel(place: Place): BpeModel {
  objectAt(place);
  const type = at(place, "type");
  if (!isNothing(type) && type.value !== "BPE") {
    return unsupported(type, `${JSON.stringify(type.value)}; only BPE is read`);
  }
  for (const key of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) {
    const { value } = at(place, key);
    if (value != null && value !== "" && value !== 0) {
      unsupported(at(place, key), `${JSON.stringify(value)}`);
    }
  }
  const vocab = readVocab(at(place, "vocab"));
  const merges = readMerges(at(place, "merges"), vocab);
  const unknownToken = at(place, "unk_token");
  const unknown = isNothing(unknownToken) ? undefined : vocab.get(textAt(unknownToken));
  if (!isNothing(unknownToken) && unknown === undefined) damaged(unknownToken, "it is no token");
  return {
    vocab,
    encode: pieceEncoder({
      ...{ vocab, merges, unknown },
      fusesUnknown: flagAt(at(place, "fuse_unk"), false),
      fallsBack: flagAt(at(place, "byte_fallback"), false),
      takesWhole: flagAt(at(place, "ignore_merges"), false),
    }),
  };
}

function readVocab(place: Place): Map<string, number> {
  const vocab = new Map<string, number>();
  const taken = new Set<number>();
  for (const token of Object.keys(objectAt(place))) {
    const entry = at(place, token);
    const id = wholeAt(entry, MAX_IDS);
    if (taken.has(id)) damaged(entry, `the id ${id} has two tokens`);
    taken.add(id);
    vocab.set(token, id);
  }
  return vocab;
}

/** Each merge is "left right" or ["left", "right"]; its place in the list is its rank. */
function readMerges(place: Place, vocab: ReadonlyMap<string, number>): Merges {
  const items = itemsAt(place);
  const rankOf = new Map<number, number>();
  const joined = new Int32Array(items.length);
  for (const [rank, item] of items.entries()) {
    const pair = typeof item.value === "string" ? item.value.split(" ") : item.value;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((p) => typeof p === "string")) {
      damaged(item, "it is not a pair of tokens");
    }
    const [left, right] = pair as [string, string];
    const ids = [left, right, left + right].map((token) => {
      const id = vocab.get(token);
      return id ?? damaged(item, `\`${token}\` is not in the vocabulary`);
    }) as [number, number, number];
    joined[rank] = ids[2];
    const key = pairKey(ids[0], ids[1]);
    // Of a pair that occurs twice the last rank counts, as in the library that writes these files.
    rankOf.set(key, rank);
  }
  return { rankOf, joined };
}

interface EncoderOptions {
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: Merges;
  readonly unknown: number | undefined;
  readonly fusesUnknown: boolean;
  readonly fallsBack: boolean;
  readonly takesWhole: boolean;
}

/** Pieces whose ids are remembered, and how long they are at most. */
const REMEMBERED = 20_000;
const REMEMBERED_LENGTH = 64;

function pieceEncoder(options: EncoderOptions): BpeModel["encode"] {
  const { vocab, merges, takesWhole } = options;
  const known = new Map<string, readonly number[]>();
  return (piece) => {
    const before = known.get(piece);
    if (before !== undefined) return before;
    const whole = takesWhole ? vocab.get(piece) : undefined;
    const ids = whole === undefined ? mergePairs(symbolsOf(piece, options), merges) : [whole];
    if (piece.length <= REMEMBERED_LENGTH) {
      if (known.size >= REMEMBERED) known.clear();
      known.set(piece, ids);
    }
    return ids;
  };
}

/** The ids that joining begins with: one a character, bytes for one that is no token, or the unknown token. */
function symbolsOf(piece: string, options: EncoderOptions): number[] {
  const { vocab, unknown, fusesUnknown, fallsBack } = options;
  const ids: number[] = [];
  let wasUnknown = false;
  for (const character of piece) {
    const id = vocab.get(character);
    const bytes = id === undefined && fallsBack ? byteTokens(character, vocab) : undefined;
    if (id !== undefined) ids.push(id);
    else if (bytes !== undefined) ids.push(...bytes);
    else if (unknown !== undefined && !(wasUnknown && fusesUnknown)) ids.push(unknown);
    wasUnknown = id === undefined && bytes === undefined;
  }
  return ids;
}

/** `<0xE2>` and so on, if the vocabulary has all of them. */
function byteTokens(character: string, vocab: ReadonlyMap<string, number>): number[] | undefined {
  const ids: number[] = [];
  for (const byte of new TextEncoder().encode(character)) {
    const id = vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/** Bytes of every id; special tokens and ids without a token have none. */
function byteTable(
  vocab: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
  alphabet: Alphabet,
): Uint8Array[] {
  let size = 0;
  for (const id of vocab.values()) size = Math.max(size, id + 1);
  for (const { id } of added) size = Math.max(size, id + 1);
  const table = Array.from({ length: size }, (): Uint8Array => NOTHING);
  for (const [token, id] of vocab) table[id] = alphabet.bytesOf(token);
  for (const { id, content, isSpecial } of added) {
    table[id] = isSpecial ? NOTHING : new TextEncoder().encode(content);
  }
  return table;
}

const NOTHING = new Uint8Array(0);

/** Ids that every text begins with, by the template of the post-processor. */
function readTemplate(place: Place): number[] {
  if (isNothing(place)) return [];
  objectAt(place);
  const type = textAt(at(place, "type"));
  if (type === "ByteLevel") return [];
  if (type === "Sequence") return itemsAt(at(place, "processors")).flatMap(readTemplate);
  if (type !== "TemplateProcessing") return unsupported(place, `the post-processor ${type}`);
  const ids: number[] = [];
  for (const item of itemsAt(at(place, "single"))) {
    const special = at(item, "SpecialToken");
    if (isNothing(special)) return ids;
    const token = textAt(at(special, "id"));
    const list = at(at(at(place, "special_tokens"), token), "ids");
    for (const id of itemsAt(list)) ids.push(wholeAt(id, MAX_IDS));
  }
  return ids;
}

function endOf(
  given: number | null | undefined,
  added: readonly AddedToken[],
  size: number,
): number | undefined {
  if (given != null && given < size) return given;
  const found = END_OF_TEXT.map((text) => added.find((token) => token.content === text));
  return found.find((token) => token !== undefined)?.id;
}
