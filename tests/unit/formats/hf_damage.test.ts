/**
 * Damaged headers of Hugging Face models: ten thousand of them, each an error of the user's or a model that is
 * still whole, in bounded memory.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readHf, writeHf } from "../../../formats/hf.ts";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import { expectedTensors } from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";
import { mutated, refuses } from "../../support/damage.ts";
import { hfFolder, newFolder } from "./hf_models.ts";

const CASES = 2500;

/** Damages one file of a model again and again; how many of the cases were refused. */
function damageFile(folder: string, name: string, headerBytes: number, seed: number): number {
  const path = join(folder, name);
  const whole = fs.readFileSync(path);
  const random = createRandom(seed);
  let refused = 0;
  for (let i = 0; i < CASES; i++) {
    const header = mutated(whole.subarray(0, headerBytes), random);
    fs.writeFileSync(path, Buffer.concat([header, whole.subarray(headerBytes)]));
    const isRefused = refuses(() => {
      const { config, tensors } = readHf(folder);
      // What is read is a whole model, whatever the file said before.
      expect(new Map([...tensors].map(([n, t]) => [n, t.shape]))).toEqual(expectedTensors(config));
    });
    if (isRefused) refused += 1;
  }
  fs.writeFileSync(path, whole);
  return refused;
}

function modelInParts(): string {
  const folder = join(newFolder(), "model");
  writeHf(folder, readHf(hfFolder("qwen3")), { partBytes: 3000 });
  return folder;
}

test("damaged config.json", () => {
  const folder = modelInParts();
  const { size } = fs.statSync(join(folder, "config.json"));
  // Some keys change nothing that is read: ids, names of classes, the context.
  expect(damageFile(folder, "config.json", size, 1)).toBeGreaterThan(0.6 * CASES);
});

test("a damaged list of parts", () => {
  const folder = modelInParts();
  const { size } = fs.statSync(join(folder, "model.safetensors.index.json"));
  const refused = damageFile(folder, "model.safetensors.index.json", size, 2);
  expect(refused).toBeGreaterThan(0.9 * CASES);
});

test("a damaged header of safetensors", () => {
  const folder = modelInParts();
  const part = fs.readdirSync(folder).find((name) => name.endsWith(".safetensors"))!;
  const bytes = fs.readFileSync(join(folder, part));
  const header = 8 + Number(bytes.readBigUInt64LE(0));
  expect(damageFile(folder, part, header, 3)).toBeGreaterThan(0.8 * CASES);
});

test("damaged tokenizer.json", () => {
  const names = ["qwen", "llama3", "llama2", "metaspace"];
  let refused = 0;
  for (const [i, name] of names.entries()) {
    const whole = fs.readFileSync(new URL(`./tokenizers/${name}.json`, import.meta.url));
    const random = createRandom(4 + i);
    for (let n = 0; n < CASES / names.length; n++) {
      const json = Buffer.from(mutated(whole, random)).toString("utf8");
      const isRefused = refuses(() => {
        const tokenizer = parseTokenizerJson(json, { path: "t.json" });
        const ids = tokenizer.encodePrompt!("Once upon 12 times,\n it's  日本");
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabulary)).toBe(true);
        tokenizer.decode(ids);
      });
      if (isRefused) refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(0.5 * CASES);
});

test("all that took bounded memory", () => {
  expect(process.memoryUsage().rss).toBeLessThan(1e9);
});
