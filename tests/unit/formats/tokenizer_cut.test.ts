/** Tokenizers of fewer ids: texts of the ids that are left have the tokens they had. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CutTokenizer, cutTokenizer } from "../../../formats/tokenizer_cut.ts";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import { namedTokenizerData } from "../../../formats/tokenizer_named.ts";
import type { TokenizerData } from "../../../formats/weights.ts";
import { makeStories } from "../../../training/data/stories.ts";
import { SPLITS, type Split, TEXTS, toyTokenizer } from "../../support/toy_tokenizer.ts";

const open = ({ json, eos }: TokenizerData) =>
  parseTokenizerJson(json, { path: "tokenizer.json", endOfText: eos });

const splits = Object.keys(SPLITS) as Split[];
const all: readonly (readonly [string, TokenizerData])[] = [
  ...(["bytes", "stories", "gpt2"] as const).map(
    (name) => [name, namedTokenizerData(name)!] as const,
  ),
  ...splits.map((split) => [`toy ${split}`, toyTokenizer(split, true)] as const),
];

const anyText = fc.oneof(
  fc.constantFrom(...TEXTS, ...makeStories(5)),
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom("the", " cat", " sat", "'s", " 19", "é", "\n", "Mia"),
    maxLength: 9,
  }),
);

test.each(all)("%s: a text of which all ids are kept has the same tokens", (name, data) => {
  const before = open(data);
  const few = { numRuns: name === "gpt2" ? 4 : 40 };
  const property = fc.property(anyText, anyText, anyText, (text, more, other) => {
    const used = new Set([...before.encode(text), ...before.encode(more)]);
    const { tokenizer, ids } = cutTokenizer(data, used)!;
    const after = open(tokenizer);
    expect(after.encode(text).map((id) => ids[id])).toEqual(before.encode(text));
    expect(after.encodePrompt!(text).map((id) => ids[id])).toEqual(before.encodePrompt!(text));
    // Any other text is spelled with what is left.
    expect(after.decode(after.encode(other))).toBe(before.decode(before.encode(other)));
    expect(after.vocabulary).toBe(ids.length);
    for (const [id, old] of ids.entries()) {
      expect(Buffer.compare(after.decodeBytes(id), before.decodeBytes(old))).toBe(0);
    }
  });
  fc.assert(property, few);
});

const kept = ({ ids }: CutTokenizer) => [...ids];

test("kept are bytes, what is in use, its parts and special tokens, in their order", () => {
  const gpt2 = namedTokenizerData("gpt2")!;
  const before = open(gpt2);
  const id = (text: string): number => before.encode(text)[0]!;
  const ids = kept(cutTokenizer(gpt2, [id(" cat")])!);
  const more = [" c", " ca", " cat", "at", "a", "t"].map(id).concat(50256);
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  for (const part of ids.slice(256)) expect(more).toContain(part);
  expect(ids).toContain(id(" cat"));
  expect(ids.at(-1)).toBe(50256);
});

test("special tokens and those that are named keep what they are", () => {
  const given = { ...toyTokenizer("llama-bpe", true), unknown: 0, padding: 300 };
  const chatTemplates = { default: "{{ messages }}" };
  const { tokenizer, ids } = cutTokenizer({ ...given, chatTemplates }, [])!;
  const named = [tokenizer.bos, tokenizer.eos, tokenizer.unknown, tokenizer.padding];
  expect(named.map((id) => ids[id!])).toEqual([0, 1, 0, 300]);
  expect(tokenizer.chatTemplates).toEqual(chatTemplates);
});

test("what cannot be cut is not", () => {
  const llama2 = readFileSync(new URL("./tokenizers/llama2.json", import.meta.url), "utf8");
  const beside = { bos: null, eos: null };
  expect(cutTokenizer({ json: llama2, ...beside }, [3])).toBeNull();
  for (const json of ["{", "[]", "{}", '{"model":{"vocab":{"a":0},"merges":[]}}']) {
    expect(cutTokenizer({ json, ...beside }, [])).toBeNull();
  }
  // An id that it has not.
  expect(cutTokenizer(namedTokenizerData("bytes")!, [256])).toBeNull();
});
