/** Every reader on files that are cut off, damaged, or lead elsewhere: an error or a whole model, in bounded memory. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { formats, readWeights } from "../../../formats/index.ts";
import { toFloat32 } from "../../../formats/tensor.ts";
import { expectedTensors, type WeightSet } from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";
import { mutated, refuses } from "../../support/damage.ts";
import { newFolder } from "./hf_models.ts";
import { randomWeights, smallConfig } from "./random_weights.ts";

const weights = randomWeights({ ...smallConfig, vocabulary: 32 }, 5);

/** A model of each format that is only read. */
const BY_HAND: Readonly<Record<string, (path: string, weights: WeightSet) => void>> = {
  // The tables of the rotary embedding are left out; which numbers stand where plays no part here.
  llama2c(path, { config, tensors }) {
    const { width, hidden, layers, heads, kvHeads, vocabulary, context } = config;
    const head = Int32Array.of(width, hidden, layers, heads, kvHeads, vocabulary, context);
    const all = [...tensors.values()].map((tensor) => toFloat32(tensor));
    fs.writeFileSync(path, Buffer.concat([head, ...all].map((a) => Buffer.from(a.buffer))));
  },
};

interface Sample {
  /** What is read. */
  readonly path: string;
  /** The file that is damaged, and how many of its bytes are header. */
  readonly file: string;
  readonly header: number;
}

function sampleOf(name: string): Sample {
  const path = join(newFolder(), "model");
  const { write = BY_HAND[name]! } = formats.find((format) => format.name === name)!;
  write(path, weights);
  const file = name === "hf" ? join(path, "model.safetensors") : path;
  const { size } = fs.statSync(file);
  let numbers = 0;
  for (const tensor of weights.tensors.values()) numbers += tensor.data.length;
  return { path, file, header: Math.min(size - numbers, size) };
}

/** What is read is the whole of a model, whatever the file said before. */
function readWhole(path: string): void {
  const { config, tensors } = readWeights(path);
  expect(new Map([...tensors].map(([n, t]) => [n, t.shape]))).toEqual(expectedTensors(config));
}

const names = formats.map((format) => format.name);

test.each(names)("%s: a sound file is read", (name) => {
  const { path, header } = sampleOf(name);
  expect(header).toBeGreaterThan(0);
  readWhole(path);
});

test.each(names)("%s: a file that ends too early, or goes on, is refused", (name) => {
  const { path, file, header } = sampleOf(name);
  const whole = fs.readFileSync(file);
  const random = createRandom(1);
  const data = whole.length - header;
  const cuts = Array.from({ length: 40 }, () => header + random.uniformIndex(data));
  for (const cut of [...cuts, 0, 1, header, whole.length - 1, whole.length - 4]) {
    fs.writeFileSync(file, whole.subarray(0, cut));
    expect(
      refuses(() => readWhole(path)),
      `${cut} of ${whole.length} bytes`,
    ).toBe(true);
  }
});

/** In all, 10,000. */
const MUTATIONS = 2000;

test.each(names)(
  "%s: damaged headers are refused, or a whole model is read",
  (name) => {
    const { path, file, header } = sampleOf(name);
    const whole = fs.readFileSync(file);
    const [head, rest] = [whole.subarray(0, header), whole.subarray(header)];
    const random = createRandom(2);
    const before = process.memoryUsage().rss;
    let refused = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      fs.writeFileSync(file, Buffer.concat([mutated(head, random), rest]));
      if (refuses(() => readWhole(path))) refused += 1;
    }
    expect(refused).toBeGreaterThan(0.5 * MUTATIONS);
    expect(process.memoryUsage().rss - before).toBeLessThan(5e8);
  },
  60_000,
);

test("a link is followed as hubs keep their models, and shows nothing of what is no model", () => {
  const { path, file } = sampleOf("hf");
  const kept = join(dirname(path), "kept");
  fs.renameSync(file, kept);
  fs.symlinkSync(join("..", "kept"), file);
  readWhole(path);
  fs.writeFileSync(kept, "a secret of somebody else's");
  let said = "";
  try {
    readWhole(path);
  } catch (error) {
    said = String(error);
  }
  expect(said).toContain("model.safetensors");
  expect(said).not.toContain("secret");
});

test("a folder that is a link is replaced itself, not what it leads to", () => {
  const folder = newFolder();
  const [elsewhere, out] = [join(folder, "elsewhere"), join(folder, "out")];
  fs.mkdirSync(elsewhere);
  fs.writeFileSync(join(elsewhere, "precious"), "1");
  fs.symlinkSync(elsewhere, out);
  const hf = formats.find((format) => format.name === "hf")!;
  expect(refuses(() => hf.write!(out, weights))).toBe(true);
  hf.write!(out, weights, { replace: true });
  readWhole(out);
  expect(fs.readdirSync(elsewhere)).toEqual(["precious"]);
});
