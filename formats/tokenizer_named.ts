/**
 * The tokenizers that anec knows by name as `tokenizer.json`, for formats that carry it.
 *
 *   gpt2      byte-pair encoding; its table lists what pairs make, and the pairs follow from that
 *   bytes     the same without pairs
 *   stories   bytes, and words that are looked up whole before pairs are; llama.cpp has no name for where it cuts
 */
import { createRequire } from "node:module";
import { invariant } from "../compiler/support/bug.ts";
import { storyWords } from "../training/data/stories.ts";
import { type Merges, mergePairs, pairKey } from "./bpe.ts";
import { byteCharacters } from "./tokenizer_alphabet.ts";
import type { TokenizerData } from "./weights.ts";

/** The tokenizer of a name; null where it has no such form. */
export function namedTokenizerData(name: string | null): TokenizerData | null {
  if (name === "gpt2") return gpt2();
  if (name === "bytes") {
    return { json: jsonOf({ texts: byteCharacters, merges: [], end: null }), bos: null, eos: null };
  }
  return name === "stories" ? stories() : null;
}

/** A text of the table, or its bytes where they are no text. */
type Piece = string | readonly number[];

function gpt2(): TokenizerData {
  const table = createRequire(import.meta.url)("gpt-tokenizer/bpeRanks/r50k_base") as {
    readonly default: readonly Piece[];
  };
  const pieces = table.default.map((piece) =>
    typeof piece === "string" ? Buffer.from(piece, "utf8") : Uint8Array.from(piece),
  );
  const texts = pieces.map((piece) => Array.from(piece, (b) => byteCharacters[b]!).join(""));
  const end = texts.length;
  const merges = pairsOf(pieces).map(([a, b]) => [texts[a]!, texts[b]!] as const);
  const json = jsonOf({ texts: [...texts, END], merges, end });
  return { json, bos: end, eos: end };
}

/** Words with the blank before them, and every other character alone. */
const STORY_PIECES = " ?[A-Za-z]+|[^A-Za-z]";

function stories(): TokenizerData {
  const words = storyWords().map((word) =>
    Array.from(Buffer.from(word, "utf8"), (b) => byteCharacters[b]!).join(""),
  );
  const end = 256 + words.length;
  const texts = [...byteCharacters, ...words, END];
  return { json: jsonOf({ texts, merges: [], end, pieces: STORY_PIECES }), bos: null, eos: end };
}

const END = "<|endoftext|>";

/**
 * The pairs of a table in the order of what they make. The bytes of an entry, joined by the pairs of the entries
 * before it, are left as two: its pair.
 */
function pairsOf(pieces: readonly Uint8Array[]): (readonly [number, number])[] {
  const idOfByte = new Map<number, number>();
  for (const [id, piece] of pieces.entries()) if (piece.length === 1) idOfByte.set(piece[0]!, id);
  const rankOf = new Map<number, number>();
  const joined = new Int32Array(pieces.length);
  const merges: Merges = { rankOf, joined };
  const pairs: (readonly [number, number])[] = [];
  for (const [id, piece] of pieces.entries()) {
    if (piece.length === 1) continue;
    const [left, right, ...more] = mergePairs(
      Array.from(piece, (byte) => idOfByte.get(byte)!),
      merges,
    );
    invariant(left !== undefined && right !== undefined && more.length === 0, `token ${id}`);
    joined[pairs.length] = id;
    rankOf.set(pairKey(left, right), pairs.length);
    pairs.push([left, right]);
  }
  return pairs;
}

interface Encoding {
  /** By id. */
  readonly texts: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
  /** The special token between documents. */
  readonly end: number | null;
  /** What text is cut into, where not as GPT-2 cuts it; a piece that is a token is not looked at further. */
  readonly pieces?: string;
}

function jsonOf({ texts, merges, end, pieces }: Encoding): string {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const cut = { type: "Split", pattern: { Regex: pieces }, behavior: "Isolated", invert: false };
  return JSON.stringify({
    ...{ version: "1.0", truncation: null, padding: null },
    added_tokens: end === null ? [] : [{ id: end, content: END, ...plain, special: true }],
    normalizer: null,
    pre_tokenizer:
      pieces === undefined
        ? { ...byteLevel, use_regex: true }
        : { type: "Sequence", pretokenizers: [cut, { ...byteLevel, use_regex: false }] },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null },
      ...{ end_of_word_suffix: null, fuse_unk: false, byte_fallback: false },
      ...(pieces === undefined ? {} : { ignore_merges: true }),
      vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
      merges: merges.map(([a, b]) => `${a} ${b}`),
    },
  });
}
