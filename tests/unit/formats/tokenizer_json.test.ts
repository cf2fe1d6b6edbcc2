/** Tokenizers from files against what the library `tokenizers` made of the same texts (see make.py there). */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { mergePairs, pairKey } from "../../../formats/bpe.ts";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import { translateRegex } from "../../../formats/tokenizer_regex.ts";

const folder = new URL("./tokenizers/", import.meta.url);
const textOf = (name: string): string => readFileSync(new URL(name, folder), "utf8");

interface Row {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
}

const golden = JSON.parse(textOf("golden.json")) as Record<string, Row[]>;
const names = Object.keys(golden);
const open = (name: string) => parseTokenizerJson(textOf(`${name}.json`), { path: `${name}.json` });

describe.each(names)("%s", (name) => {
  const tokenizer = open(name);

  test("gives every text the ids that the library gives it", () => {
    const found = golden[name]!.map(({ text }) => tokenizer.encodePrompt!(text));
    expect(found).toEqual(golden[name]!.map(({ ids }) => ids));
  });

  test("decodes ids to the text that the library decodes them to", () => {
    const found = golden[name]!.map(({ ids }) => tokenizer.decode(ids));
    expect(found).toEqual(golden[name]!.map(({ decoded }) => decoded));
  });

  test("special tokens in a plain text are text", () => {
    const specials = ["<|endoftext|>", "<|im_start|>", "</s>", "<|begin_of_text|>"];
    for (const special of specials) {
      const ids = tokenizer.encode(`a ${special} b`);
      expect(ids.every((id) => tokenizer.decodeBytes(id).length > 0 || name === "metaspace")).toBe(
        true,
      );
    }
  });
});

test("texts survive a tokenizer of bytes, whatever they hold", () => {
  const tokenizers = ["gpt2", "smollm2", "llama3"].map(open);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      // `<tool>` of llama3 takes the blanks around it.
      fc.pre(!text.includes("<tool>"));
      for (const tokenizer of tokenizers)
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }),
  );
});

/** The slow way: look at all pairs for the lowest rank, again and again. */
function mergeSlowly(
  ids: readonly number[],
  rankOf: ReadonlyMap<number, number>,
  joined: Int32Array,
) {
  const list = [...ids];
  for (;;) {
    let best = -1;
    let lowest = Infinity;
    for (let i = 0; i + 1 < list.length; i++) {
      const rank = rankOf.get(pairKey(list[i]!, list[i + 1]!)) ?? Infinity;
      if (rank < lowest) [best, lowest] = [i, rank];
    }
    if (best < 0) return list;
    list.splice(best, 2, joined[lowest]!);
  }
}

test("joining with a heap is joining by looking at all pairs", () => {
  const cases = fc.record({
    ids: fc.array(fc.nat(4), { maxLength: 60 }),
    pairs: fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(cases, ({ ids, pairs }) => {
      const rankOf = new Map<number, number>();
      const joined = new Int32Array(pairs.length);
      for (const [rank, [a, b]] of pairs.entries()) {
        joined[rank] = 5 + rank;
        if (!rankOf.has(pairKey(a, b))) rankOf.set(pairKey(a, b), rank);
      }
      expect(mergePairs(ids, { rankOf, joined })).toEqual(mergeSlowly(ids, rankOf, joined));
    }),
  );
});

test("a piece of a hundred thousand characters is encoded in a moment", () => {
  const text = "once upon a time".replaceAll(" ", "").repeat(8000);
  const start = performance.now();
  const ids = open("llama2").encode(text);
  expect(open("llama2").decode(ids)).toBe(text);
  expect(performance.now() - start).toBeLessThan(3000);
});

test.each([
  ["(a+)+", "it repeats what repeats already"],
  ["(?:a|b*)*", "it repeats what repeats already"],
  ["a++", "it has possessive quantifiers"],
  ["[[:alpha:]]", "it has sets inside sets"],
  ["\\w+", "it has `\\w`"],
  ["(?<name>a)", "it has `(?<n`"],
  ["^a", "it has `^`"],
  ["(a", "a `(` is not closed"],
  ["a)", "a `)` closes nothing"],
  ["[a", "a `[` is not closed"],
])("the expression %s is refused: %s", (pattern, fault) => {
  expect(translateRegex(pattern)).toEqual({ fault });
});

test.each([
  ["(?i:'s|k)", "(?:'[sSſ]|[kK\u212a])"],
  ["[^\\s\\p{L}]?\\p{^N}{1,3}", "[^\\p{White_Space}\\p{L}]?\\P{N}{1,3}"],
  ["\\x41\\-[\\-]", "\\u{41}-[\\-]"],
])("%s becomes %s", (pattern, source) => {
  expect((translateRegex(pattern) as RegExp).source).toBe(source);
});

const whole = JSON.parse(textOf("gpt2.json")) as Record<string, unknown>;
const model = whole["model"] as Record<string, unknown>;

test.each<[string, unknown, string]>([
  ["no object", [], "E0830: the tokenizer `t.json` is damaged: it is a list, not an object"],
  ["no model", { ...whole, model: undefined }, "at `model`: it is missing, not an object"],
  [
    "another model",
    { ...whole, model: { ...model, type: "Unigram" } },
    'E0831: the tokenizer `t.json` needs `model.type`: "Unigram"; only BPE is read',
  ],
  [
    "a merge of one",
    { ...whole, model: { ...model, merges: ["a"] } },
    "E0830: the tokenizer `t.json` is damaged at `model.merges[0]`: it is not a pair of tokens",
  ],
  [
    "a merge of what is no token",
    { ...whole, model: { ...model, merges: [["a", "qqq"]] } },
    "at `model.merges[0]`: `qqq` is not in the vocabulary",
  ],
  [
    "an id twice",
    { ...whole, model: { ...model, vocab: { a: 0, b: 0 }, merges: [] } },
    "at `model.vocab.b`: the id 0 has two tokens",
  ],
  [
    "an id beyond all measure",
    { ...whole, model: { ...model, vocab: { a: 4e9 }, merges: [] } },
    "at `model.vocab.a`: it is a number, not a whole number below 16777216",
  ],
  [
    "an unknown step",
    {
      ...whole,
      pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "BertPreTokenizer" }] },
    },
    "E0831: the tokenizer `t.json` needs `pre_tokenizer.pretokenizers[0]`: the pre-tokenizer Bert",
  ],
])("%s is an error that names the place", (_name, json, message) => {
  const parse = () => parseTokenizerJson(JSON.stringify(json), { path: "t.json" });
  expect(parse).toThrow(UserError);
  try {
    parse();
  } catch (error) {
    const text = (error as Error).message.replace(/^error\[(E\d+)\]/, "$1");
    expect(text).toContain(message);
  }
});
