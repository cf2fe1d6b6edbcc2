import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTokenFile, type TokenMetadata } from "../../../training/data/token_file.ts";
import { diagnosticOf, errorOf, testFolder } from "./support.ts";

const metadata: TokenMetadata = {
  version: 1,
  tokenizer: "bytes",
  vocabulary: 256,
  dtype: "uint16",
  tokens: 20,
  bytesPerToken: 1,
  split: { valStart: 18 },
  sha256: "",
  source: { sha256: "", files: [], documents: 1, bytes: 20 },
};

/** A token file with ids 0, 1, 2, …, and metadata when given. */
function write(tokens: number, json?: unknown, ids?: Uint16Array | Uint32Array): string {
  const path = join(testFolder(), "text.bin");
  writeFileSync(path, ids ?? Uint16Array.from({ length: tokens }, (_, i) => i));
  if (json !== undefined) {
    writeFileSync(
      path.replace(".bin", ".json"),
      typeof json === "string" ? json : JSON.stringify(json),
    );
  }
  return path;
}

test("a bare file holds 16-bit ids of an unknown tokenizer", () => {
  const data = openTokenFile(write(20));
  expect([...data.tokens.slice(0, 3)]).toEqual([0, 1, 2]);
  expect(data).toMatchObject({ valStart: 18, trainTokens: 18, valTokens: 2, vocabulary: 20 });
  expect(data.tokenizer).toBeUndefined();
  expect(openTokenFile(data.path, { vocabulary: 500 }).vocabulary).toBe(500);
});

test("metadata names tokenizer, vocabulary and bytes per token", () => {
  expect(openTokenFile(write(20, metadata))).toMatchObject({
    vocabulary: 256,
    tokenizer: "bytes",
    bytesPerToken: 1,
  });
});

test("metadata may ask for 32-bit ids", () => {
  const ids = Uint32Array.from({ length: 20 }, (_, i) => 100_000 + i);
  const path = write(20, { ...metadata, dtype: "uint32", vocabulary: 200_000 }, ids);
  expect([...openTokenFile(path).tokens]).toEqual([...ids]);
});

test("the split is at nine tenths, cut down", () => {
  expect(openTokenFile(write(19)).valStart).toBe(17);
});

test("a file that is not there is named, with the one that was meant", async () => {
  const path = write(20);
  const error = await diagnosticOf(() => openTokenFile(path.replace("text", "test")));
  expect(error?.code).toBe("E0801");
  expect(error?.title).toBe(`there is no token file \`${path.replace("text", "test")}\``);
  expect(error?.help[0]?.text).toBe("did you mean `text.bin`?");
});

test("a folder is no token file", async () => {
  const path = join(testFolder(), "x.bin");
  mkdirSync(path);
  expect(await errorOf(() => openTokenFile(path))).toBe(
    `E0704 cannot read \`${path}\`: it is a folder`,
  );
});

const faults: readonly [string, () => string, object, string][] = [
  ["empty", () => write(0), {}, "E0802 the token file `text.bin` is empty"],
  [
    "of odd size",
    () => write(0, undefined, new Uint8Array(7) as unknown as Uint16Array),
    {},
    "E0803 `text.bin` has 7 bytes, which is no multiple of 2",
  ],
  [
    "shorter than its metadata says",
    () => write(5, metadata),
    {},
    "E0804 `text.bin` holds 5 tokens, but its metadata says 20",
  ],
  [
    "beyond the model's vocabulary",
    () => write(20),
    { vocabulary: 7 },
    "E0805 token 7 of `text.bin` is 7, but the vocabulary ends at 6",
  ],
  [
    "beyond its own vocabulary",
    () => write(20, { ...metadata, vocabulary: 10 }),
    { vocabulary: 1000 },
    "E0805 token 10 of `text.bin` is 10, but the vocabulary ends at 9",
  ],
  [
    "too short to validate",
    () => write(50),
    { sequence: 16 },
    "E0806 `text.bin` has 5 tokens for validation; sequences of 16 need 18",
  ],
  [
    "too short to train",
    () => write(10),
    { sequence: 16 },
    "E0806 `text.bin` has 9 tokens for training; sequences of 16 need 18",
  ],
  [
    "with metadata that is no JSON",
    () => write(20, "{"),
    {},
    "E0807 the metadata `text.json` is damaged: it is not JSON",
  ],
  [
    "with a list as metadata",
    () => write(20, []),
    {},
    "E0807 the metadata `text.json` is damaged: it is not a JSON object",
  ],
  [
    "without a version",
    () => write(20, {}),
    {},
    "E0807 the metadata `text.json` is damaged: `version` is missing",
  ],
  [
    "with a field missing",
    () => write(20, { ...metadata, dtype: undefined }),
    {},
    "E0807 the metadata `text.json` is damaged: `dtype` is missing",
  ],
  [
    "with a wrong field",
    () => write(20, { ...metadata, tokens: "many" }),
    {},
    "E0807 the metadata `text.json` is damaged: `tokens` is not a whole number above 0",
  ],
  [
    "with no bytes per token",
    () => write(20, { ...metadata, bytesPerToken: 0 }),
    {},
    "E0807 the metadata `text.json` is damaged: `bytesPerToken` is not a finite number above 0",
  ],
  [
    "with bytes per token below zero",
    () => write(20, { ...metadata, bytesPerToken: -1 }),
    {},
    "E0807 the metadata `text.json` is damaged: `bytesPerToken` is not a finite number above 0",
  ],
  [
    "with bytes per token without end",
    () => write(20, JSON.stringify(metadata).replace('"bytesPerToken":1', '"bytesPerToken":1e999')),
    {},
    "E0807 the metadata `text.json` is damaged: `bytesPerToken` is not a finite number above 0",
  ],
  [
    "with another digest",
    () => write(20, { ...metadata, sha256: "0".repeat(64) }),
    {},
    "E0816 `text.bin` does not match the digest in its metadata `text.json`",
  ],
  [
    "with another split",
    () => write(20, { ...metadata, split: { valStart: 3 } }),
    {},
    "E0807 the metadata `text.json` is damaged: `split` does not leave the last 10 % for validation",
  ],
  [
    "of another version",
    () => write(20, { ...metadata, version: 2 }),
    {},
    "E0808 the metadata `text.json` is of version 2; this anec reads version 1",
  ],
];

test.each(faults)("a file %s is refused", async (_, make, options, expected) => {
  const path = make();
  const error = await errorOf(() => openTokenFile(path, options));
  expect(error.replaceAll(path.replace("text.bin", ""), "")).toBe(expected);
});

test("an id beyond the vocabulary of the model asks for another model", async () => {
  const path = write(20, metadata);
  const { why, help } = (await diagnosticOf(() => openTokenFile(path, { vocabulary: 7 })))!;
  expect(why).toBe(
    "The text was prepared with another tokenizer, or the file is not a token file.",
  );
  expect(help.map((h) => h.text)).toEqual(["choose a model whose vocabulary is larger than 7"]);
});

test("an id beyond the vocabulary of the metadata asks for the right metadata", async () => {
  const path = write(20, { ...metadata, vocabulary: 10 });
  const { why, help } = (await diagnosticOf(() => openTokenFile(path)))!;
  expect(why).toBe(
    `That is the vocabulary of its metadata \`${path.replace(".bin", ".json")}\`: ` +
      "the two do not belong together.",
  );
  expect(help.map((h) => h.text)).toEqual([
    "the `.bin` does not fit its `.json`: prepare the text again, or copy both together",
  ]);
});
