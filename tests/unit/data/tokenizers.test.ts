import fc from "fast-check";
import { expect, test } from "vitest";
import {
  byteLengths,
  createStreamDecoder,
  loadTokenizer,
  tokenizerNames,
} from "../../../training/data/tokenizers.ts";
import { errorOf } from "./support.ts";

const gpt2 = await loadTokenizer("gpt2");

test("gpt2 gives the ids of GPT-2", () => {
  expect(gpt2.encode("Hello world")).toEqual([15496, 995]);
  expect(gpt2.encode("a\n\nb")).toEqual([64, 198, 198, 65]);
  expect(gpt2.vocabulary).toBe(50257);
  expect(gpt2.endOfText).toBe(50256);
});

test("a special token in a text is only text", () => {
  const ids = gpt2.encode("<|endoftext|>");
  expect(ids).not.toContain(50256);
  expect(gpt2.decode(ids)).toBe("<|endoftext|>");
});

test.each(tokenizerNames)("%s gives every text back", async (name) => {
  const tokenizer = await loadTokenizer(name);
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), words);
  fc.assert(
    fc.property(text, (t) => {
      const ids = tokenizer.encode(t);
      expect(tokenizer.decode(ids)).toBe(t);
      expect(ids.every((id) => id >= 0 && id < tokenizer.vocabulary)).toBe(true);
      const lengths = byteLengths(tokenizer);
      expect(ids.reduce((sum, id) => sum + lengths[id]!, 0)).toBe(Buffer.byteLength(t));
    }),
    { numRuns: 50 },
  );
});

const words = fc
  .array(
    fc.constantFrom(
      " Mia",
      "Mia",
      " the",
      "  ",
      "\n",
      "\n\n",
      "rabbit",
      "'s",
      "🦊",
      "é",
      "<|endoftext|>",
    ),
  )
  .map((list) => list.join(""));

test("a lone surrogate becomes U+FFFD", () => {
  expect(gpt2.decode(gpt2.encode("a\ud800b"))).toBe("a\ufffdb");
});

test("a very long word takes no longer than its length asks for", () => {
  const text = `${"a".repeat(200_000)} ${"🦊".repeat(3000)}${" ".repeat(50_000)}end`;
  const start = performance.now();
  expect(gpt2.decode(gpt2.encode(text))).toBe(text);
  expect(performance.now() - start).toBeLessThan(5000);
});

test("a stream gives no half of a character", () => {
  const bytes = [..."né🦊!"].flatMap((c) => [...Buffer.from(c)]);
  const decoder = createStreamDecoder({ decodeBytes: (id) => Uint8Array.of(id) });
  expect(bytes.map((b) => decoder.push(b))).toEqual(["n", "", "é", "", "", "", "🦊", "!"]);
  expect(decoder.end()).toBe("");
  decoder.push(0xf0);
  expect(decoder.end()).toBe("\ufffd");
});

test("a byte order mark inside a text is kept", () => {
  expect(gpt2.decode(gpt2.encode("\ufeffa"))).toBe("\ufeffa");
});

test("an unknown tokenizer is named, with those there are", async () => {
  expect(await errorOf(() => loadTokenizer("gpt3"))).toBe(
    "E0809 there is no tokenizer named `gpt3`",
  );
});
