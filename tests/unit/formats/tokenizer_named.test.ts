/** Our own tokenizers as `tokenizer.json`. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import { namedTokenizerData } from "../../../formats/tokenizer_named.ts";
import { loadTokenizer, tokenizerNames } from "../../../training/data/tokenizers.ts";
import { TEXTS } from "../../support/toy_tokenizer.ts";

test.each(tokenizerNames)("%s has the same ids in that form", async (name) => {
  const data = namedTokenizerData(name)!;
  const own = await loadTokenizer(name);
  const read = parseTokenizerJson(data.json, { path: "tokenizer.json", endOfText: data.eos });
  expect(read.vocabulary).toBe(own.vocabulary);
  expect(read.endOfText).toBe(own.endOfText);
  for (let id = 0; id < own.vocabulary; id++) {
    expect(Buffer.compare(read.decodeBytes(id), own.decodeBytes(id)), `id ${id}`).toBe(0);
  }
  const anyText = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom(
        ...["a", " the", "'s", " 19", "é", "\n", "ing", " Über", "Mia", " Mia", '"', " ", "kite"],
      ),
      maxLength: 20,
    }),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      expect(read.encode(text)).toEqual(own.encode(text));
    }),
  );
  for (const text of TEXTS) expect(read.encode(text)).toEqual(own.encode(text));
});

test("unknown names have none", () => {
  for (const name of ["toy", null]) expect(namedTokenizerData(name)).toBeNull();
});
