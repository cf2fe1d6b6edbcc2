/**
 * Damaged headers for each reader of models: an error of the user's, or a model that is still whole, in bounded memory.
 * `npm test` draws some cases of each, tests/long the rest of ten thousand; both from here, with fixed seeds.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { readHf, writeHf } from "../../formats/hf.ts";
import { formats, readWeights } from "../../formats/index.ts";
import { encodeSafetensors, parseSafetensors } from "../../formats/safetensors.ts";
import { toFloat32 } from "../../formats/tensor.ts";
import { parseTokenizerJson } from "../../formats/tokenizer_json.ts";
import { expectedTensors, type WeightSet } from "../../formats/weights.ts";
import { digestOf } from "../../training/checkpoint.ts";
import { createRandom, type Random } from "../../training/random.ts";
import { hfFolder, newFolder } from "../unit/formats/hf_models.ts";
import { randomWeights, smallConfig } from "../unit/formats/random_weights.ts";
import { mutated, refuses } from "./damage.ts";
import { overwrite } from "./overwrite.ts";

/** Cases of each reader, of all tests. */
export const ALL_CASES = 10_000;

export interface HeaderTarget {
  readonly name: string;
  /** Cases of `npm test`. */
  readonly quick: number;
  /** The least share of the cases that is refused; some bytes change nothing that is read. */
  readonly refused: number;
  /** Makes a sound model, in a folder that is gone when the test ends; what it gives damages and reads it once. */
  readonly start: () => (random: Random) => void;
}

/** For `test.each`: the name, and the target. */
export const byName = (targets: readonly HeaderTarget[]): (readonly [string, HeaderTarget])[] =>
  targets.map((target) => [target.name, target]);

/** Damages a model again and again. Fails on any answer but an error of the user's and a whole model. */
export function damageHeaders(target: HeaderTarget, cases: number, seed: number): void {
  const damageOnce = target.start();
  const random = createRandom(seed);
  const before = process.memoryUsage().rss;
  let refused = 0;
  for (let i = 0; i < cases; i++) if (refuses(() => damageOnce(random))) refused += 1;
  expect(refused).toBeGreaterThan(target.refused * cases);
  expect(process.memoryUsage().rss - before).toBeLessThan(5e8);
}

/** A model of llama2.c. The tables of the rotary embedding are left out; no test here needs them. */
export function llama2cBytes({ config, tensors }: WeightSet): Buffer {
  const { width, hidden, layers, heads, kvHeads, vocabulary, context } = config;
  const head = Int32Array.of(width, hidden, layers, heads, kvHeads, vocabulary, context);
  const all = [...tensors.values()].map((tensor) => toFloat32(tensor));
  return Buffer.concat([head, ...all].map((a) => Buffer.from(a.buffer)));
}

/** A model of each format that is only read. */
const BY_HAND: Readonly<Record<string, (path: string, weights: WeightSet) => void>> = {
  llama2c: (path, weights) => fs.writeFileSync(path, llama2cBytes(weights)),
};

/** What the samples hold. */
export const sampleWeights = randomWeights({ ...smallConfig, vocabulary: 32 }, 5);

export interface Sample {
  /** What is read. */
  readonly path: string;
  /** The file that is damaged, and how many of its bytes are header. */
  readonly file: string;
  readonly header: number;
}

/** A small model of a format, in a folder that is gone when the test ends. */
export function sampleOf(format: string): Sample {
  const path = join(newFolder(), "model");
  const { write = BY_HAND[format]! } = formats.find(({ name }) => name === format)!;
  write(path, sampleWeights);
  const file = format === "hf" ? join(path, "model.safetensors") : path;
  const { size } = fs.statSync(file);
  let numbers = 0;
  for (const tensor of sampleWeights.tensors.values()) numbers += tensor.data.length;
  return { path, file, header: Math.min(size - numbers, size) };
}

/** What is read is the whole of a model, whatever the file said before. */
export function expectWhole({ config, tensors }: WeightSet): void {
  expect(new Map([...tensors].map(([n, t]) => [n, t.shape]))).toEqual(expectedTensors(config));
}

/** Damages the header of a file and reads the model it is of. `finish` is what a stranger does then. */
function fileCases(
  { path, file, header }: Sample,
  read: (path: string) => WeightSet,
  finish = (bytes: Buffer): Uint8Array => bytes,
): (random: Random) => void {
  const whole = fs.readFileSync(file);
  const [head, rest] = [whole.subarray(0, header), whole.subarray(header)];
  return (random) => {
    overwrite(file, finish(Buffer.concat([mutated(head, random), rest])));
    expectWhole(read(path));
  };
}

/** The tensors and metadata of a checkpoint, with the digest that belongs to them. */
export function signed(bytes: Buffer): Uint8Array {
  const { tensors, metadata } = parseSafetensors(bytes, "signed.ckpt");
  const { digest: _, ...rest } = metadata;
  return Buffer.concat([
    ...encodeSafetensors(tensors, { ...rest, digest: digestOf(tensors, rest) }),
  ]);
}

/** One file of a folder of Hugging Face with the weights in parts. */
function partOfHf(find: (names: readonly string[]) => string): () => (random: Random) => void {
  return () => {
    const path = join(newFolder(), "model");
    writeHf(path, readHf(hfFolder("qwen3")), { partBytes: 3000 });
    const file = join(path, find(fs.readdirSync(path)));
    const bytes = fs.readFileSync(file);
    const isJson = file.endsWith(".json");
    const header = isJson ? bytes.length : 8 + Number(bytes.readBigUInt64LE(0));
    return fileCases({ path, file, header }, readHf);
  };
}

function tokenizerCases(): (random: Random) => void {
  const folder = new URL("../unit/formats/tokenizers/", import.meta.url);
  const all = ["qwen", "llama3", "llama2", "metaspace"].map((name) =>
    fs.readFileSync(new URL(`${name}.json`, folder)),
  );
  return (random) => {
    const whole = all[random.uniformIndex(all.length)]!;
    const json = Buffer.from(mutated(whole, random)).toString("utf8");
    const tokenizer = parseTokenizerJson(json, { path: "t.json" });
    const ids = tokenizer.encodePrompt!("Once upon 12 times,\n it's  日本");
    expect(ids.every((id) => id >= 0 && id < tokenizer.vocabulary)).toBe(true);
    tokenizer.decode(ids);
  };
}

/** Files of the formats, as `anec convert` finds them. */
export const FORMAT_HEADERS: readonly HeaderTarget[] = formats.map(({ name }) => ({
  ...{ name, quick: 2000, refused: 0.5 },
  start: () => fileCases(sampleOf(name), readWeights),
}));

/** The files of a folder of Hugging Face. */
export const HF_HEADERS: readonly HeaderTarget[] = [
  {
    // Some keys change nothing that is read: ids, names of classes, the context.
    ...{ name: "config.json", quick: 2500, refused: 0.6 },
    start: partOfHf(() => "config.json"),
  },
  {
    ...{ name: "the list of parts", quick: 2500, refused: 0.9 },
    start: partOfHf(() => "model.safetensors.index.json"),
  },
  {
    ...{ name: "safetensors", quick: 2500, refused: 0.8 },
    start: partOfHf((names) => names.find((name) => name.endsWith(".safetensors"))!),
  },
  { name: "tokenizer.json", quick: 2500, refused: 0.5, start: tokenizerCases },
];

/** Behind the digest of a checkpoint. */
export const SIGNED_HEADERS: readonly HeaderTarget[] = [
  {
    ...{ name: "anec, with the digest that belongs to it", quick: 0, refused: 0.5 },
    start: () => fileCases(sampleOf("anec"), readWeights, signed),
  },
];
