import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import { lastCut, readDocuments } from "../../../training/data/documents.ts";
import { type PrepareProgress, prepare } from "../../../training/data/prepare.ts";
import { makeStories } from "../../../training/data/stories.ts";
import { openTokenFile } from "../../../training/data/token_file.ts";
import { loadTokenizer } from "../../../training/data/tokenizers.ts";
import { toyTokenizer } from "../../support/toy_tokenizer.ts";
import { diagnosticOf, errorOf, testFolder } from "./support.ts";

const gpt2 = await loadTokenizer("gpt2");
const bytes = await loadTokenizer("bytes");
const stories = await loadTokenizer("stories");

function file(name: string, contents: string | Uint8Array): string {
  const path = join(testFolder(), name);
  writeFileSync(path, contents);
  return path;
}

test("documents are joined by the end-of-text token", () => {
  const a = file("a.txt", "Mia the fox");
  const b = file("b.txt", "Tom ran.");
  const output = join(testFolder(), "out.bin");
  const metadata = prepare({ input: [a, b], output, tokenizer: gpt2 });
  const data = openTokenFile(output);
  expect([...data.tokens]).toEqual([
    ...gpt2.encode("Mia the fox"),
    50256,
    ...gpt2.encode("Tom ran."),
    50256,
  ]);
  expect(data.tokenizer).toBe("gpt2");
  expect(metadata.source).toMatchObject({ files: ["a.txt", "b.txt"], documents: 2, bytes: 19 });
  expect(metadata.sha256).toBe(createHash("sha256").update(readFileSync(output)).digest("hex"));
});

test("documents begin with what the tokenizer says that every text begins with", () => {
  const tokenizer = parseTokenizerJson(toyTokenizer("gpt-2", true).json, { path: "t" });
  const output = join(testFolder(), "out.bin");
  prepare({ input: [file("a.jsonl", '{"text":"the cat"}\n{"text":"mat"}')], output, tokenizer });
  const ids = (text: string) => [0, ...tokenizer.encode(text), 1];
  expect([...openTokenFile(output).tokens]).toEqual([...ids("the cat"), ...ids("mat")]);
  expect(ids("mat").slice(0, -1)).toEqual(tokenizer.encodePrompt!("mat"));
});

test("each line of a JSONL file is a document, blank lines are none", () => {
  const input = file("a.jsonl", '{"body":"ab"}\n\n{"body":"é"}');
  const output = join(testFolder(), "out.bin");
  prepare({ input: [input], output, tokenizer: stories, field: "body" });
  const end = stories.endOfText!;
  expect([...openTokenFile(output).tokens]).toEqual([97, 98, end, 0xc3, 0xa9, end]);
});

test("bytes per token are those of the validation split, special tokens count as none", () => {
  const text = makeStories(50).join("\n");
  const output = join(testFolder(), "out.bin");
  const { bytesPerToken } = prepare({ input: [file("a.txt", text)], output, tokenizer: gpt2 });
  const { tokens, valStart } = openTokenFile(output);
  const validation = gpt2.decode(tokens.slice(valStart)); // the end-of-text decodes to nothing
  expect(bytesPerToken).toBe(Buffer.byteLength(validation) / (tokens.length - valStart));
  expect(bytesPerToken).toBeGreaterThan(2);
});

test("a text so short that only its end is for validation has the mean of all its tokens", () => {
  const output = join(testFolder(), "out.bin");
  const { bytesPerToken } = prepare({ input: [file("a.txt", "ab")], output, tokenizer: stories });
  const { tokens, valStart } = openTokenFile(output);
  expect([...tokens.slice(valStart)]).toEqual([stories.endOfText]);
  expect(bytesPerToken).toBe(2 / 3);
});

test.each([gpt2, stories])("reading in parts does not change the ids of $name", (tokenizer) => {
  const piece = fc.constantFrom(
    "Mia",
    " the",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n",
    "'s",
    "🦊",
    "é",
    "\u00a0",
    "\t",
    ".",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 60 }),
      fc.integer({ min: 8, max: 40 }),
      (list, size) => {
        const text = list.join("");
        const path = file("a.txt", text);
        const parts = [...readDocuments([path], "text", size)];
        expect(parts.map((p) => p.text).join("")).toBe(text);
        // A text without a good place to cut is cut anyway, which may split a word.
        const cutAtBlanks = parts.slice(0, -1).every((p, i) => {
          const rest = parts
            .slice(i + 1)
            .map((q) => q.text)
            .join("");
          return p.text === "" || /^\s\S/.test(rest) || rest === "";
        });
        fc.pre(cutAtBlanks);
        expect(parts.flatMap((p) => tokenizer.encode(p.text))).toEqual(tokenizer.encode(text));
      },
    ),
    { numRuns: 200 },
  );
});

test("a text is cut in front of the last blank that a word follows", () => {
  expect(lastCut("one two  three ")).toBe(8);
  expect(lastCut("onetwo")).toBe(6);
});

test("a byte order mark is no part of the text", () => {
  const parts = [...readDocuments([file("a.txt", "\ufeffab")], "text")];
  expect(parts.map((p) => p.text).join("")).toBe("ab");
});

test("progress ends at the whole input", () => {
  const seen: PrepareProgress[] = [];
  const input = [file("a.txt", "one two"), file("b.jsonl", '{"text":"x"}\n')];
  const output = join(testFolder(), "o.bin");
  prepare({ input, output, tokenizer: bytes, onProgress: (p) => seen.push(p) });
  expect(seen.at(-1)).toEqual({ stage: "finish", bytes: 20, total: 20, tokens: 8 });
});

const faults: readonly [string, string, string | Uint8Array, string][] = [
  ["JSON", "a.jsonl", '{"text":"x"}\n{"text":', "E0811 line 2 of `a.jsonl` is not a JSON object"],
  ["an object", "a.jsonl", "\n[1]\n", "E0811 line 2 of `a.jsonl` is not a JSON object"],
  ["the field", "a.jsonl", '{"txt":"x","id":1}', "E0812 line 1 of `a.jsonl` has no field `text`"],
  [
    "a text in the field",
    "a.jsonl",
    '{"text":3}',
    "E0813 field `text` on line 1 of `a.jsonl` is a number, not a text",
  ],
  ["anything", "a.txt", "", "E0814 there is no text in `a.txt`"],
  ["anything but blanks", "a.txt", " \n ", "E0814 there is no text in `a.txt`"],
  [
    "UTF-8",
    "a.txt",
    Uint8Array.of(97, 0xc3, 0xa9, 0xff, 98),
    "E0815 `a.txt` is not UTF-8: byte 3 cannot be read",
  ],
  [
    "a whole last character",
    "a.txt",
    Uint8Array.of(97, 0xe2, 0x82),
    "E0815 `a.txt` is not UTF-8: byte 1 cannot be read",
  ],
  [
    "UTF-8 (a lone continuation)",
    "a.txt",
    Uint8Array.of(97, 98, 0x80),
    "E0815 `a.txt` is not UTF-8: byte 2 cannot be read",
  ],
];

test.each(faults)(
  "an input without %s is refused and leaves nothing behind",
  async (_, name, contents, expected) => {
    const path = file(name, contents);
    const folder = testFolder();
    const error = await errorOf(() =>
      prepare({ input: [path], output: join(folder, "out.bin"), tokenizer: bytes }),
    );
    expect(error.replaceAll(path, name)).toBe(expected);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test("a missing field lists the fields there are", async () => {
  const path = file("a.jsonl", '{"txt":"x","id":1}');
  const error = await diagnosticOf(() => [...readDocuments([path], "text")]);
  expect(error?.why).toBe("It has `txt` and `id`.");
  expect(error?.help[0]?.text).toBe("did you mean `txt`?");
});

test("a missing input is found before anything is written", async () => {
  const good = file("a.txt", "abc");
  const folder = testFolder();
  const output = join(folder, "out.bin");
  const missing = join(folder, "b.txt");
  expect(await errorOf(() => prepare({ input: [good, missing], output, tokenizer: bytes }))).toBe(
    `E0810 there is no text \`${missing}\``,
  );
  expect(existsSync(output)).toBe(false);
});

test("a fault leaves the old token file as it was", async () => {
  const output = join(testFolder(), "out.bin");
  prepare({ input: [file("a.txt", "abc")], output, tokenizer: bytes });
  await errorOf(() => prepare({ input: [file("a.txt", "")], output, tokenizer: bytes }));
  expect([...openTokenFile(output).tokens]).toEqual([97, 98, 99]);
  expect(basename(output)).toBe("out.bin");
});
