/** GGUF files that we write, run by llama.cpp: the same tokens and logits as ours. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { convertModel } from "../../formats/convert.ts";
import type { WriteDtype } from "../../formats/format.ts";
import { readGguf, writeGguf } from "../../formats/gguf.ts";
import { cutTokenizer } from "../../formats/tokenizer_cut.ts";
import { parseTokenizerJson } from "../../formats/tokenizer_json.ts";
import { namedTokenizerData } from "../../formats/tokenizer_named.ts";
import type { TransformerConfig, WeightSet } from "../../formats/weights.ts";
import { type Checkpoint, readCheckpoint } from "../../training/checkpoint.ts";
import { openData } from "../../training/data/open_data.ts";
import { makeStories } from "../../training/data/stories.ts";
import { loadTokenizer } from "../../training/data/tokenizers.ts";
import { createDecoder } from "../../training/decoder.ts";
import { checkpointOf, weightsOf } from "../../training/foreign_model.ts";
import { createGenerator } from "../../training/generate.ts";
import { rowOfId } from "../../training/vocabulary.ts";
import { findLlamaCpp, type LlamaRun, runInLlamaCpp } from "../e2e/llama_cpp_support.ts";
import { randomWeights, smallConfig } from "../support/random_weights.ts";
import { SPLITS, type Split, TEXTS, TOY_IDS, toyTokenizer } from "../support/toy_tokenizer.ts";
import { testFolder } from "../unit/data/support.ts";
import { SMALL, smallTrainer, VOCABULARY } from "../unit/training/support.ts";

const found = await findLlamaCpp();
const addon = "addon" in found ? found.addon : "";
if ("missing" in found) console.warn(`not compared with llama.cpp: ${found.missing}`);
const withLlamaCpp = test.skipIf(addon === "");

const PROMPT = [3, 1, 4, 15, 9, 26, 13, 28, 9, 7];
const COUNT = 64;
const S = PROMPT.length + COUNT;

const models: Readonly<Record<string, TransformerConfig>> = {
  "Llama with grouped queries": { ...smallConfig, layers: 3 },
  "Llama with an untied classifier": { ...smallConfig, tied: false, ropeTheta: 500000 },
  "Llama with a residual scale": { ...smallConfig, layers: 4, residualScale: 1 / Math.sqrt(8) },
  // llama.cpp's Qwen2 has heads that share the width.
  "Qwen2 with biases": {
    ...{ ...smallConfig, family: "qwen2", headSize: 8, normEps: 1e-6, ropeTheta: 1e6 },
  },
  "Qwen3 with heads wider than the model": {
    ...{ ...smallConfig, family: "qwen3", headSize: 32, normEps: 1e-6, ropeTheta: 1e6 },
  },
};

function checkpointFor(weights: WeightSet): Checkpoint {
  return { ...checkpointOf(weights, { S }), path: "model" };
}

/** What `anec generate --temperature 0` writes behind the prompt. */
async function ownIds(checkpoint: Checkpoint): Promise<number[]> {
  const generator = await createGenerator(checkpoint, { device: { threads: 1 }, context: S });
  try {
    return [...generator.ids(PROMPT, { tokens: COUNT, temperature: 0 })];
  } finally {
    generator.close();
  }
}

interface Difference {
  /** The largest of all logits along llama.cpp's text. */
  readonly most: number;
  /** The root of the mean square, as a share of that of the logits. */
  readonly share: number;
}

/** How far our logits are from llama.cpp's, along its text. */
function difference(
  checkpoint: Checkpoint,
  run: LlamaRun,
  prompt: readonly number[] = PROMPT,
): Difference {
  const decoder = createDecoder(checkpoint, { device: { threads: 1 }, context: S });
  try {
    let [most, squares, all] = [0, 0, 0];
    for (const [i, theirs] of run.logits.entries()) {
      const ours = decoder.feed(i === 0 ? prompt : [run.ids[i - 1]!]);
      expect(ours.length).toBe(theirs.length);
      for (const [id, z] of ours.entries()) {
        const off = Math.abs(z - theirs[id]!);
        most = Math.max(most, off);
        squares += off ** 2;
        all += theirs[id]! ** 2;
      }
    }
    return { most, share: Math.sqrt(squares / all) };
  } finally {
    decoder.close();
  }
}

function writtenAndRun(weights: WeightSet, dtype?: WriteDtype): { file: string; run: LlamaRun } {
  const file = join(testFolder(), "model.gguf");
  writeGguf(file, weights, dtype === undefined ? {} : { dtype });
  return { file, run: runInLlamaCpp(addon, { file, prompt: PROMPT, count: COUNT }) };
}

withLlamaCpp.each(Object.entries(models))(
  "%s: 64 greedy tokens and their logits are llama.cpp's",
  async (_, config) => {
    const weights = randomWeights(config);
    const { file, run } = writtenAndRun(weights);
    expect(new Set(run.ids).size).toBeGreaterThan(8);
    for (const each of [weights, readGguf(file)]) {
      const checkpoint = checkpointFor(each);
      expect(await ownIds(checkpoint)).toEqual(run.ids);
      expect(difference(checkpoint, run).most).toBeLessThan(1e-3);
    }
  },
);

withLlamaCpp.each([
  ["gpt2", 50257],
  ["bytes", 256],
] as const)("the tokenizer %s of a checkpoint goes into the file", (name, vocabulary) => {
  const weights = randomWeights({ ...smallConfig, layers: 1, width: 8, vocabulary });
  const contents = checkpointOf(weights, { S });
  const data = { ...contents.data, tokenizer: name };
  const file = join(testFolder(), "model.gguf");
  writeGguf(file, weightsOf({ ...contents, data, path: "model" }));
  const run = runInLlamaCpp(addon, { file, prompt: [5], count: 1, texts: TEXTS });
  const ours = parseTokenizerJson(namedTokenizerData(name)!.json, { path: "tokenizer.json" });
  expect(run.encoded).toEqual(TEXTS.map((text) => ours.encode(text)));
});

withLlamaCpp("a model that anec trained from scratch, with its residual scale", async () => {
  const path = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer(
    { steps: 120, accum: 4, lr: 5e-3, compact: false },
    { overrides: { ...SMALL, S } },
  );
  for (let i = 0; i < 120; i++) trainer.step();
  trainer.save(path);
  const checkpoint = readCheckpoint(path);
  const weights = weightsOf(checkpoint);
  expect(weights.config.residualScale).toBeLessThan(1);
  const { run } = writtenAndRun(weights);
  expect(run.logits[0]!.length).toBe(VOCABULARY);
  expect(await ownIds(checkpoint)).toEqual(run.ids);
  expect(difference(checkpoint, run).most).toBeLessThan(1e-3);
});

withLlamaCpp(
  "a model with rows for the ids of its text only, and a tokenizer of those",
  async () => {
    const data = await openData("builtin:stories", { tokenizer: "gpt2" });
    const trainer = smallTrainer(
      { steps: 8, accum: 4, compact: true },
      { data, overrides: { ...SMALL, S } },
    );
    for (let i = 0; i < 8; i++) trainer.step();
    const [path, file] = ["a.ckpt", "a.gguf"].map((name) => join(testFolder(), name)) as [
      string,
      string,
    ];
    trainer.save(path);
    convertModel(path, file);

    const gpt2 = await loadTokenizer("gpt2");
    const { active } = trainer.vocabulary;
    const { ids, tokenizer } = cutTokenizer(namedTokenizerData("gpt2")!, active!)!;
    const cut = parseTokenizerJson(tokenizer.json, { path: "tokenizer.json" });
    const [story] = makeStories(1) as [string];
    const prompt = cut.encode(story.slice(0, 30));
    const run = runInLlamaCpp(addon, { file, prompt, count: 8, texts: [story, ...TEXTS] });
    expect(run.encoded[0]!.map((id) => ids[id])).toEqual(gpt2.encode(story));
    expect(run.encoded).toEqual([story, ...TEXTS].map((text) => cut.encode(text)));
    expect(run.encoded.flat().length).toBeLessThan(story.length);

    const decoder = createDecoder(readCheckpoint(path), { device: { threads: 1 }, context: S });
    try {
      const rowOf = rowOfId(trainer.vocabulary)!;
      const ours = decoder.feed(prompt.map((id) => rowOf(ids[id]!)));
      for (const [id, z] of run.logits[0]!.entries()) {
        expect(Math.abs(z - ours[rowOf(ids[id]!)]!)).toBeLessThan(1e-3);
      }
    } finally {
      decoder.close();
    }
  },
);

// llama.cpp rounds the other operand of a product to the type of the weights, so logits are only near.
withLlamaCpp.each([
  ["f16", 0.01],
  ["bf16", 0.05],
  ["q8_0", 0.15],
] as const)("weights of %s are those that llama.cpp sees", (dtype, bound) => {
  for (const name of ["Llama with grouped queries", "Qwen3 with heads wider than the model"]) {
    const { file, run } = writtenAndRun(randomWeights(models[name]!), dtype);
    const { share } = difference(checkpointFor(readGguf(file)), run);
    expect(share).toBeLessThan(bound);
    expect(share).toBeGreaterThan(0);
  }
});

withLlamaCpp(
  "a file of llama.cpp's own package, a tensor of every type, is read as llama.cpp reads it",
  () => {
    const file = join(import.meta.dirname, "..", "numerics", "gguf_py", "tiny.gguf");
    const run = runInLlamaCpp(addon, { file, prompt: [1, 5, 7, 4, 2], count: 40 });
    const { share } = difference(checkpointFor(readGguf(file)), run, [1, 5, 7, 4, 2]);
    expect(share).toBeLessThan(0.03);
  },
);

withLlamaCpp.each(Object.keys(SPLITS) as Split[])(
  "llama.cpp's ids of texts are ours: %s",
  (split) => {
    const config = { ...smallConfig, layers: 1, vocabulary: TOY_IDS + 5 };
    for (const starts of [false, true]) {
      const tokenizer = toyTokenizer(split, starts);
      const file = join(testFolder(), "model.gguf");
      writeGguf(file, { ...randomWeights(config), tokenizer });
      const run = runInLlamaCpp(addon, { file, prompt: [5], count: 1, texts: TEXTS });
      const ours = parseTokenizerJson(tokenizer.json, { path: "tokenizer.json" });
      expect(run.encoded).toEqual(TEXTS.map((text) => ours.encode(text)));
      expect([run.bos, run.eos, run.startsWithBos]).toEqual([tokenizer.bos, tokenizer.eos, starts]);
    }
  },
);
