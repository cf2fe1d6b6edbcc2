/** What stands beside `tokenizer.json`: special tokens and templates of conversations, in every format. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convertModel } from "../../../formats/convert.ts";
import { readHf, writeHf } from "../../../formats/hf.ts";
import { readWeights } from "../../../formats/index.ts";
import type { TokenizerData } from "../../../formats/weights.ts";
import { randomWeights, smallConfig } from "../../support/random_weights.ts";
import { TOY_IDS, toyTokenizer } from "../../support/toy_tokenizer.ts";
import { newFolder } from "./hf_models.ts";

const TEMPLATE = "{% for m in messages %}<|begin|>{{ m.content }}<|endoftext|>{% endfor %}";
const config = { ...smallConfig, layers: 1, vocabulary: TOY_IDS };

/** A model of Hugging Face with this tokenizer. */
function folderWith(tokenizer: TokenizerData): string {
  const folder = join(newFolder(), "model");
  writeHf(folder, { ...randomWeights(config), tokenizer });
  return folder;
}

const sets: readonly (readonly [string, Partial<TokenizerData>])[] = [
  ["nothing more", {}],
  ["one template", { chatTemplates: { default: TEMPLATE } }],
  [
    "two templates, and all special tokens",
    { unknown: 0, padding: 1, chatTemplates: { default: TEMPLATE, tool_use: "{{ tools }}" } },
  ],
  ["a template with a name only", { chatTemplates: { rag: TEMPLATE } }],
];

describe.each(sets)("%s", (_, more) => {
  const tokenizer = { ...toyTokenizer("smollm"), ...more };
  const { json: __, ...beside } = tokenizer;

  test.each(["model.ckpt", "model.bin", "model.gguf", "model"])(
    "through %s and back to Hugging Face",
    (name) => {
      const folder = newFolder();
      const [there, back] = [join(folder, name), join(folder, "back")];
      convertModel(folderWith(tokenizer), there);
      convertModel(there, back);
      for (const path of [there, back]) {
        const { json: ___, ...found } = readWeights(path).tokenizer!;
        expect(found).toEqual(beside);
      }
    },
  );
});

/** The tokenizer of a folder whose `tokenizer_config.json` has been changed. */
function readWith(change: (keys: Record<string, unknown>) => void, template?: string) {
  const folder = folderWith(toyTokenizer("gpt-2"));
  const path = join(folder, "tokenizer_config.json");
  const keys = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(keys);
  writeFileSync(path, JSON.stringify(keys));
  if (template !== undefined) writeFileSync(join(folder, "chat_template.jinja"), template);
  return readHf(folder).tokenizer!;
}

test("a token may be a text or an object, and stands above the id of the model's configuration", () => {
  const read = readWith((keys) => {
    keys["eos_token"] = "<|begin|>";
    keys["pad_token"] = { content: "hello", lstrip: false };
    keys["unk_token"] = "no such token";
  });
  expect(read).toMatchObject({ bos: 0, eos: 0, padding: TOY_IDS - 2 });
  expect(read.unknown).toBeUndefined();
});

test("a template may have a file of its own, which stands above the other", () => {
  expect(readWith(() => {}, TEMPLATE).chatTemplates).toEqual({ default: TEMPLATE });
  const both = readWith((keys) => {
    keys["chat_template"] = [
      { name: "default", template: "old" },
      { name: "rag", template: "docs" },
    ];
  }, TEMPLATE);
  expect(both.chatTemplates).toEqual({ default: TEMPLATE, rag: "docs" });
});

test("a folder without the file has the ids of the model's configuration", () => {
  const folder = folderWith(toyTokenizer("gpt-2"));
  rmSync(join(folder, "tokenizer_config.json"));
  expect(readHf(folder).tokenizer).toMatchObject({ bos: 0, eos: 1 });
});

test.each([3, ["a"], [{ name: "a" }], { default: "a" }])(
  "a template that is %j is an error that names the file",
  (value) => {
    const read = () => readWith((keys) => (keys["chat_template"] = value));
    expect(read).toThrow(/tokenizer_config.json` is damaged: `chat_template` is neither/);
  },
);
