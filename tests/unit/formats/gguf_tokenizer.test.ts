/** Tokenizers go through GGUF files and give the same ids. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Diagnostic } from "../../../compiler/support/diagnostic.ts";
import { convertModel } from "../../../formats/convert.ts";
import { parseGguf } from "../../../formats/gguf.ts";
import { parseGgufParts } from "../../../formats/gguf_parse.ts";
import type { GgufValue } from "../../../formats/gguf_types.ts";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import type { TokenizerData, WeightSet } from "../../../formats/weights.ts";
import { randomWeights, smallConfig } from "../../support/random_weights.ts";
import { SPLITS, type Split, TEXTS, TOY_IDS, toyTokenizer } from "../../support/toy_tokenizer.ts";
import { testFolder } from "../data/support.ts";
import { bytesOf, bytesOfParts } from "./gguf_support.ts";

const splits = Object.keys(SPLITS) as Split[];

/** The small model with a tokenizer, and five rows that it has no ids for. */
function withTokenizer(tokenizer: TokenizerData): WeightSet {
  const config = { ...smallConfig, layers: 1, vocabulary: TOY_IDS + 5 };
  return { ...randomWeights(config), tokenizer };
}

/** The tokenizer that is read back, or the warning. */
function through(
  weights: WeightSet,
  change: (values: Map<string, GgufValue>) => void = () => {},
): TokenizerData | string {
  const { values, tensors } = parseGgufParts(bytesOf(weights), "x");
  const changed = new Map(values);
  change(changed);
  const warnings: Diagnostic[] = [];
  const bytes = bytesOfParts(changed, tensors);
  const read = parseGguf(bytes, "x", { report: (w) => warnings.push(w) });
  return read.tokenizer ?? warnings.map((w) => `${w.code} ${w.title}`).join("\n");
}

test.each(splits)("%s: the same ids for every text, before and after", (split) => {
  for (const starts of [false, true]) {
    const given = toyTokenizer(split, starts);
    const read = through(withTokenizer(given));
    if (typeof read === "string") throw new Error(read);
    expect([read.bos, read.eos]).toEqual([0, 1]);
    const [before, after] = [given, read].map((t) => parseTokenizerJson(t.json, { path: "t" }));
    expect(after!.vocabulary).toBe(before!.vocabulary);
    for (const text of TEXTS) {
      expect(after!.encode(text)).toEqual(before!.encode(text));
      expect(after!.encodePrompt!(text)).toEqual(before!.encodePrompt!(text));
      expect(after!.decode(after!.encode(text))).toBe(text);
    }
    expect(after!.encodePrompt!("a")[0] === 0).toBe(starts);
  }
});

test("a file says what llama.cpp needs: the way of splitting, kinds of tokens, padding", () => {
  const { values } = parseGgufParts(bytesOf(withTokenizer(toyTokenizer("smollm", true))), "x");
  const get = (name: string) => values.get(`tokenizer.ggml.${name}`);
  expect(get("model")).toEqual({ type: "string", value: "gpt2" });
  expect(get("pre")).toEqual({ type: "string", value: "smollm" });
  expect(get("bos_token_id")).toEqual({ type: "u32", value: 0 });
  expect(get("eos_token_id")).toEqual({ type: "u32", value: 1 });
  expect(get("add_bos_token")).toEqual({ type: "bool", value: true });
  const items = (name: string) => {
    const found = get(name);
    return found?.type === "array" ? found.items : [];
  };
  expect(items("token_type")).toEqual([3, 3, ...new Array(317).fill(1), 4, 5, 5, 5, 5, 5]);
  expect(items("tokens").slice(-7)).toEqual([
    ...["hello", "<tool>", "[PAD320]", "[PAD321]", "[PAD322]", "[PAD323]", "[PAD324]"],
  ]);
  expect(items("merges").length).toBe(60);
  expect(items("merges").every((m) => /^\S+ \S+$/.test(String(m)))).toBe(true);
});

test("special tokens and templates of conversations go along, under llama.cpp's keys", () => {
  const chatTemplates = { default: "{{ messages }}", tool_use: "{{ tools }}" };
  const given = { ...toyTokenizer("qwen2"), unknown: 0, padding: 3, chatTemplates };
  const { values } = parseGgufParts(bytesOf(withTokenizer(given)), "x");
  const get = (name: string) => values.get(`tokenizer.${name}`);
  expect(get("ggml.unknown_token_id")).toEqual({ type: "u32", value: 0 });
  expect(get("ggml.padding_token_id")).toEqual({ type: "u32", value: 3 });
  expect(get("chat_template")).toEqual({ type: "string", value: "{{ messages }}" });
  expect(get("chat_template.tool_use")).toEqual({ type: "string", value: "{{ tools }}" });
  expect(get("chat_templates")).toEqual({ type: "array", of: "string", items: ["tool_use"] });
  expect(through(withTokenizer(given))).toMatchObject({ unknown: 0, padding: 3, chatTemplates });
});

type Json = Record<string, unknown> & { model: Record<string, unknown>; added_tokens: unknown };

const changedJson = (change: (json: Json) => void): TokenizerData => {
  const data = toyTokenizer("gpt-2");
  const json = JSON.parse(data.json) as Json;
  change(json);
  return { ...data, json: JSON.stringify(json) };
};

test.each<[string, TokenizerData, string]>([
  ["is no JSON", { json: "{", bos: null, eos: null }, "it is not JSON"],
  ["has no vocabulary", { json: "{}", bos: null, eos: null }, "it has no vocabulary"],
  [
    "is of another type",
    changedJson((j) => (j.model["type"] = "Unigram")),
    "it is of type Unigram",
  ],
  [
    "falls back to bytes",
    changedJson((j) => (j.model["byte_fallback"] = true)),
    "it falls back to bytes",
  ],
  [
    "marks the ends of words",
    changedJson((j) => (j.model["end_of_word_suffix"] = "</w>")),
    "it has a `end_of_word_suffix`",
  ],
  [
    "splits text in another way",
    changedJson((j) => (j["pre_tokenizer"] = { type: "Whitespace" })),
    "llama.cpp has no name for the way it splits text",
  ],
  [
    "puts a blank before a text",
    changedJson((j) => (j["pre_tokenizer"] = { type: "ByteLevel", add_prefix_space: true })),
    "llama.cpp has no name for the way it splits text",
  ],
  [
    "normalises text",
    changedJson((j) => (j["normalizer"] = { type: "Lowercase" })),
    "llama.cpp has no name for the way it splits text",
  ],
  [
    "has ids beyond the embedding",
    changedJson((j) => (j.model["vocab"] = { a: 400 })),
    "the id 400 is beyond the 325 rows of the embedding",
  ],
  [
    "has an id that is none",
    changedJson((j) => (j.model["vocab"] = { a: -1 })),
    "the id of `a` is no whole number",
  ],
  [
    "has merges that are no pairs",
    changedJson((j) => (j.model["merges"] = ["abc"])),
    "its merges are no list of pairs",
  ],
])("a tokenizer that %s is left out, and it is said", (_, tokenizer, why) => {
  const warnings: Diagnostic[] = [];
  const bytes = bytesOf(withTokenizer(tokenizer), { report: (w) => warnings.push(w) });
  expect(warnings.map((w) => [w.code, w.severity, w.title])).toEqual([
    ["E0798", "warning", `\`x\` is written without its tokenizer: ${why}`],
  ]);
  const { values } = parseGgufParts(bytes, "x");
  expect(values.get("tokenizer.ggml.model")).toEqual({ type: "string", value: "no_vocab" });
  expect([...values.keys()].filter((key) => key.startsWith("tokenizer.")).length).toBe(1);
  expect(parseGguf(bytes, "x").tokenizer).toBeNull();
});

const text = (value: string): GgufValue => ({ type: "string", value });
const texts = (items: readonly string[]): GgufValue => ({ type: "array", of: "string", items });

test.each<[string, string, GgufValue | undefined, string]>([
  ["model", "SentencePiece", text("llama"), "it is of type `llama`"],
  ["pre", "an unknown way of splitting", text("tekken"), "its `pre` is `tekken`"],
  ["pre", "no way of splitting", undefined, "it has no `pre`"],
  ["merges", "no merges", undefined, "its merges are no list of pairs"],
  ["merges", "merges that are no pairs", texts(["a"]), "its merges are no list of pairs"],
  ["tokens", "too few tokens", texts(["a"]), "its tokens and their types do not fit together"],
  [
    "tokens",
    "one text twice",
    texts(new Array(325).fill("a")),
    "two of its tokens have the same text",
  ],
  [
    "tokens",
    "too many tokens",
    texts(new Array(326).fill("a")),
    "it has 326 ids for 325 rows of the embedding",
  ],
])("a file whose `%s` has %s is read without its tokenizer", (key, _, value, why) => {
  const read = through(withTokenizer(toyTokenizer("gpt-2")), (values) => {
    if (value === undefined) values.delete(`tokenizer.ggml.${key}`);
    else values.set(`tokenizer.ggml.${key}`, value);
  });
  expect(read).toBe(`E0798 \`x\` is read without its tokenizer: ${why}`);
});

test("converting passes on what is said of tokenizers and types", () => {
  const folder = testFolder();
  const [input, output] = [join(folder, "a.gguf"), join(folder, "b.gguf")];
  const narrow = { ...smallConfig, layers: 1, width: 24, vocabulary: TOY_IDS };
  const weights = { ...randomWeights(narrow), tokenizer: toyTokenizer("gpt-2") };
  const { values, tensors } = parseGgufParts(bytesOf(weights), "x");
  const foreign = new Map(values).set("tokenizer.ggml.pre", text("tekken"));
  writeFileSync(input, bytesOfParts(foreign, tensors));
  const codes: string[] = [];
  convertModel(input, output, { dtype: "q8_0", report: (w) => codes.push(w.code) });
  expect(codes).toEqual(["E0798", "E0799"]);
  expect(parseGgufParts(readFileSync(output), "b").tensors.size).toBe(tensors.size);
});
