/** Small byte-level byte-pair encodings as `tokenizer.json`, one for each usual way of splitting text. */
import type { TokenizerData } from "../../formats/weights.ts";

type Json = Readonly<Record<string, unknown>>;

const byteLevel = (use_regex: boolean): Json => ({
  ...{ type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex },
});

const words = (digits: string): Json => ({
  type: "Sequence",
  pretokenizers: [
    {
      type: "Split",
      pattern: {
        Regex:
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
          `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
      },
      behavior: "Isolated",
      invert: false,
    },
    byteLevel(false),
  ],
});

/** By the names that llama.cpp has for them. */
export const SPLITS = {
  "gpt-2": { normalizer: null, pre_tokenizer: byteLevel(true), ignore_merges: false },
  smollm: {
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "Digits", individual_digits: true }, byteLevel(true)],
    },
    ignore_merges: false,
  },
  "llama-bpe": { normalizer: null, pre_tokenizer: words("\\p{N}{1,3}"), ignore_merges: true },
  qwen2: { normalizer: { type: "NFC" }, pre_tokenizer: words("\\p{N}"), ignore_merges: false },
} as const;

export type Split = keyof typeof SPLITS;

/** GPT-2's letters for bytes: those that can be seen stand for themselves. */
export function byteLetters(): string[] {
  const letters: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const isSeen =
      (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || (byte > 173 && byte < 256);
    letters.push(String.fromCodePoint(isSeen ? byte : next++));
  }
  return letters;
}

const SAMPLE =
  "the cat sat on the mat and the dog sat on the cat; it's what they're there for, isn't it? " +
  "Übung macht den Meister, und die Katze saß auf der Matte. 1234 and 5678 and 12 and 123456.";

/** Pairs to join, most frequent first, and the texts they make. */
function learn(count: number): { merges: string[]; made: string[] } {
  const letters = byteLetters();
  const pieces = [...SAMPLE.matchAll(/ ?\p{L}+/gu)].map(([piece]) =>
    [...Buffer.from(piece, "utf8")].map((byte) => letters[byte]!),
  );
  const [merges, made]: [string[], string[]] = [[], []];
  while (merges.length < count) {
    const found = new Map<string, number>();
    for (const piece of pieces) {
      for (let i = 1; i < piece.length; i++) {
        const pair = `${piece[i - 1]} ${piece[i]}`;
        found.set(pair, (found.get(pair) ?? 0) + 1);
      }
    }
    const best = [...found].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]![0];
    const [left, right] = best.split(" ") as [string, string];
    merges.push(best);
    made.push(left + right);
    for (const piece of pieces) {
      for (let i = 1; i < piece.length; i++) {
        if (piece[i - 1] === left && piece[i] === right) piece.splice(i - 1, 2, left + right);
      }
    }
  }
  return { merges, made };
}

/** Rows of the embedding that the tokenizers need at least. */
export const TOY_IDS = 256 + 60 + 4;

/**
 * A tokenizer of 320 ids: a start and an end first, the bytes, 60 pairs, a word that no pairs lead to, and a
 * token that is found in any text. `starts`: it puts the start before a prompt.
 */
export function toyTokenizer(split: Split, starts = false): TokenizerData {
  const { ignore_merges, ...steps } = SPLITS[split];
  const { merges, made } = learn(60);
  const texts = ["<|begin|>", "<|endoftext|>", ...byteLetters(), ...made, "hello", "<tool>"];
  const token = (id: number, special: boolean): Json => ({
    ...{ id, content: texts[id], single_word: false, lstrip: false, rstrip: false },
    ...{ normalized: false, special },
  });
  const start = { SpecialToken: { id: "<|begin|>", type_id: 0 } };
  const sequence = { Sequence: { id: "A", type_id: 0 } };
  const template: Json = {
    type: "TemplateProcessing",
    single: [start, sequence],
    pair: [start, sequence, sequence],
    special_tokens: { "<|begin|>": { id: "<|begin|>", ids: [0], tokens: ["<|begin|>"] } },
  };
  const json: Json = {
    version: "1.0",
    added_tokens: [token(0, true), token(1, true), token(texts.length - 1, false)],
    ...steps,
    post_processor: starts ? template : byteLevel(true),
    decoder: byteLevel(true),
    model: {
      type: "BPE",
      ignore_merges,
      vocab: Object.fromEntries(texts.slice(0, -1).map((text, id) => [text, id])),
      // Half of them in the newer way.
      merges: merges.map((pair, i) => (i % 2 === 0 ? pair : pair.split(" "))),
    },
  };
  return { json: JSON.stringify(json), bos: 0, eos: 1 };
}

/** Texts on which ways of splitting differ. */
export const TEXTS: readonly string[] = [
  "the cat sat on the mat",
  "  two  blanks,\ttabs\n\nand lines \n",
  "it's THEY'RE isn't I'll we'd 'twas",
  "1 12 123 1234 12345 and x1y22z333",
  "Übung saß auf ﬁ 日本語のテキスト 🙂🙃",
  "hello hello, <|endoftext|> and <tool> too",
  "a=b+c; // !!! ??? ...\r\n#define X_1",
  "",
];
