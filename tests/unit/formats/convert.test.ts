/** Models through every format and back, and what is said of what a format cannot hold. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Diagnostic, UserError } from "../../../compiler/support/diagnostic.ts";
import { castTensor } from "../../../formats/cast.ts";
import { type ConvertOptions, convertModel } from "../../../formats/convert.ts";
import { detectFormat, formats, readWeights } from "../../../formats/index.ts";
import { byteLengthOf, toFloat32 } from "../../../formats/tensor.ts";
import { cutTokenizer } from "../../../formats/tokenizer_cut.ts";
import { namedTokenizerData } from "../../../formats/tokenizer_named.ts";
import type { WeightSet } from "../../../formats/weights.ts";
import { encodeCheckpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import { createDecoder } from "../../../training/decoder.ts";
import { checkpointOf } from "../../../training/foreign_model.ts";
import { openModel } from "../../../training/open_model.ts";
import { rowOfId } from "../../../training/vocabulary.ts";
import { leftTemporary } from "../../support/left_temporary.ts";
import { closing, lossesOf, smallTrainer } from "../training/support.ts";
import { bitsOf, hfFolder, hfNames, newFolder } from "./hf_models.ts";

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error.diagnostics[0]!.code;
    throw error;
  }
  return "none";
}

/** The same weights with every tensor in f32, for formats that have nothing else. */
function wide(weights: WeightSet): WeightSet {
  const tensors = [...weights.tensors].map(
    ([name, tensor]) => [name, castTensor(tensor, "F32", name)] as const,
  );
  return { ...weights, tensors: new Map(tensors) };
}

const EXTENSION: Readonly<Record<string, string>> = {
  ...{ anec: ".ckpt", hf: "", blzt: ".bin", gguf: ".gguf" },
};

/** What a format cannot hold is an error; everything else comes back. */
const REFUSED: readonly string[] = [...["llama_untied in blzt", "qwen2 in blzt", "qwen3 in blzt"]];

const writable = formats.filter((format) => format.write !== undefined);

describe.each(hfNames)("%s", (name) => {
  test.each(writable.map((f) => f.name))("through %s and back, bit for bit", (format) => {
    const folder = newFolder();
    const there = join(folder, `model${EXTENSION[format]!}`);
    const go = () => convertModel(hfFolder(name), there, { to: format, dtype: "f32" });
    if (REFUSED.includes(`${name} in ${format}`)) {
      expect(codeOf(go)).toMatch(/^E07/);
      expect(fs.readdirSync(folder)).toEqual([]);
      return;
    }
    go();
    expect(detectFormat(there).name).toBe(format);
    const back = join(folder, "back");
    convertModel(there, back);
    const before = wide(readWeights(hfFolder(name)));
    const after = readWeights(back);
    expect(bitsOf(after)).toEqual(bitsOf(before));
    expect({ ...after.config, normEps: Math.fround(after.config.normEps) }).toEqual({
      ...before.config,
      normEps: Math.fround(before.config.normEps),
    });
  });

  test("through a checkpoint and back in its own type, bit for bit", () => {
    const folder = newFolder();
    convertModel(hfFolder(name), join(folder, "model.ckpt"));
    const own = readWeights(hfFolder(name));
    const dtype = { F32: "f32", F16: "f16", BF16: "bf16" } as const;
    const wanted = dtype[own.tensors.get("model.norm.weight")!.dtype as keyof typeof dtype];
    convertModel(join(folder, "model.ckpt"), join(folder, "back"), { dtype: wanted });
    expect(bitsOf(readWeights(join(folder, "back")))).toEqual(bitsOf(own));
  });

  test("pairs split or interleaved are the same weights", () => {
    const weights = wide(readWeights(hfFolder(name)));
    const path = join(newFolder(), "split.ckpt");
    const contents = checkpointOf(weights, { pairing: "split", S: 16 });
    expect(contents.model.source.text).toContain("rope_split = 1");
    const other = checkpointOf(weights, { S: 16 });
    const q = [...contents.tensors.keys()].find((n) => n.endsWith("attn.wq"))!;
    expect(contents.tensors.get(q)!.data).not.toEqual(other.tensors.get(q)!.data);
    const [a, b] = [contents, other].map((c) =>
      closing(createDecoder({ ...c, path }, { device: { threads: 1 } })),
    );
    const logits = [a!, b!].map((decoder) => Array.from(decoder.feed([3, 9, 27, 1])));
    for (const [i, x] of logits[0]!.entries()) expect(x).toBeCloseTo(logits[1]![i]!, 4);
  });
});

/** A checkpoint of a short run; `compact` leaves out the rows of ten ids. */
function trained(compact: boolean): string {
  const trainer = smallTrainer({ compact, steps: 8 });
  lossesOf(trainer);
  const path = join(newFolder(), "trained.ckpt");
  trainer.save(path);
  return path;
}

function convertWithWarnings(input: string, output: string, options: ConvertOptions = {}) {
  const warnings: Diagnostic[] = [];
  const conversion = convertModel(input, output, { ...options, report: (w) => warnings.push(w) });
  return { conversion, codes: warnings.map((w) => w.code) };
}

function logitsOf(path: string, rows: readonly number[]): number[] {
  const decoder = closing(createDecoder(openModel(path), { device: { threads: 1 } }));
  return Array.from(decoder.feed(rows));
}

test("a checkpoint of a run goes to Hugging Face with its residual scale folded in, and says so", () => {
  const path = trained(false);
  const folder = join(newFolder(), "model");
  const { codes, conversion } = convertWithWarnings(path, folder);
  expect(codes).toEqual(["E0833", "E0756", "E0757"]);
  expect(conversion.weights.config.residualScale).toBeCloseTo(1 / Math.sqrt(4));
  const [own, theirs] = [logitsOf(path, [1, 2, 3]), logitsOf(folder, [1, 2, 3])];
  for (const [i, x] of own.entries()) expect(theirs[i]).toBeCloseTo(x, 4);
});

test("a tokenizer without a form in files is left behind with a word about it", () => {
  const checkpoint = readCheckpoint(trained(false));
  for (const [tokenizer, codes] of [
    ["toy", ["E0833"]],
    ["stories", []],
    ["bytes", []],
    [null, []],
  ] as const) {
    const path = join(newFolder(), "model.ckpt");
    const data = { ...checkpoint.data, tokenizer };
    fs.writeFileSync(path, Buffer.concat([...encodeCheckpoint({ ...checkpoint, data })]));
    const { codes: found } = convertWithWarnings(path, join(newFolder(), "model.bin"));
    expect(found).toEqual(codes);
  }
});

test("tensors of a checkpoint are made one by one, when they are asked for", () => {
  const weights = readWeights(trained(true), { expand: true });
  for (const [name, tensor] of weights.tensors) {
    const isMade = /_proj|embed_tokens/.test(name);
    const [once, again] = [tensor.data, tensor.data];
    expect(once === again, name).toBe(!isMade);
    expect(once, name).toEqual(again);
    expect(once.length, name).toBe(byteLengthOf(tensor));
  }
});

test("moments of the optimizer go through checkpoints and back", () => {
  const path = trained(false);
  const weights = readWeights(path);
  const again = { ...checkpointOf(weights), path };
  const saved = readCheckpoint(path);
  for (const name of saved.tensors.keys()) {
    expect(Buffer.compare(again.tensors.get(name)!.data, saved.tensors.get(name)!.data)).toBe(0);
  }
  expect(weights.training).toMatchObject({ step: 8, adamT: 2 });
});

test("a compacted vocabulary is refused, or expanded with zeros and a word about it", () => {
  const path = trained(true);
  const folder = join(newFolder(), "model");
  expect(codeOf(() => convertModel(path, folder))).toBe("E0754");
  const { codes } = convertWithWarnings(path, folder, { expand: true });
  expect(codes).toContain("E0755");
  const { tensors, config } = readWeights(folder);
  expect(config.vocabulary).toBe(40);
  const table = toFloat32(tensors.get("model.embed_tokens.weight")!);
  const checkpoint = readCheckpoint(path);
  const own = toFloat32(checkpoint.tensors.get("param.embed.weight")!);
  const active = [...checkpoint.vocabulary.active!];
  for (let id = 0; id < 40; id++) {
    const row = active.indexOf(id);
    const expected = row < 0 ? new Float32Array(16) : own.subarray(row * 16, row * 16 + 16);
    expect([...table.subarray(id * 16, id * 16 + 16)]).toEqual([...expected]);
  }
});

test.each([
  ["gpt2", 50257, ["E0834"]],
  ["stories", 535, ["E0834"]],
  ["bytes", 256, []],
] as const)(
  "a compacted vocabulary of %s is written with a tokenizer cut to it",
  (name, full, codes) => {
    const checkpoint = readCheckpoint(trained(true));
    const { data, vocabulary } = checkpoint;
    const named = { ...data, tokenizer: name };
    const own = { ...checkpoint, data: named, vocabulary: { ...vocabulary, full } };
    const [path, folder] = [join(newFolder(), "own.ckpt"), join(newFolder(), "model")];
    fs.writeFileSync(path, Buffer.concat([...encodeCheckpoint(own)]));
    const { codes: found } = convertWithWarnings(path, folder);
    expect(found).toEqual([...codes, "E0756", "E0757"]);
    // AutoANE's ids are those of its own tokenizer.
    expect(codeOf(() => convertModel(path, `${folder}.bin`))).toBe("E0754");

    const { ids } = cutTokenizer(namedTokenizerData(name)!, vocabulary.active!)!;
    expect(readWeights(folder).config.vocabulary).toBe(ids.length);
    const rowOf = rowOfId(vocabulary)!;
    const text = [...vocabulary.active!.slice(0, 5)].map((id) => ids.indexOf(id));
    const rows = text.map((id) => rowOf(ids[id]!));
    const [before, after] = [logitsOf(path, rows), logitsOf(folder, text)];
    for (const [id, z] of after.entries()) expect(z).toBeCloseTo(before[rowOf(ids[id]!)]!, 4);
  },
);

test("equations that are no family's are refused, whatever their layers are called", () => {
  const checkpoint = readCheckpoint(trained(false));
  const { source, ...model } = checkpoint.model;
  const text = `${source.text}
layer swiglu(x: [S, D]) -> [S, D] {
  param w1: [D, F]
  param w3: [D, F]
  param w2: [F, D] init uniform(residual_scale / sqrt(F))
  return (sigmoid(x @ w1) * (x @ w3)) @ w2
}
layer block(x: [S, D]) -> [S, D] {
  x += attention#attn(rms_norm#attn_norm(x)) * residual_scale
  x += swiglu#ffn(rms_norm#ffn_norm(x)) * residual_scale
  return x
}
`;
  const changed = { ...checkpoint, model: { ...model, source: { ...source, text } } };
  const path = join(newFolder(), "changed.ckpt");
  const anec = formats.find((format) => format.name === "anec")!;
  const encoded = (c: typeof checkpoint) => Buffer.concat([...encodeCheckpoint(c)]);
  fs.writeFileSync(path, encoded(changed));
  expect(codeOf(() => anec.read(path))).toBe("E0753");
  fs.writeFileSync(path, encoded(checkpoint));
  expect(codeOf(() => anec.read(path))).toBe("none");
});

test("an output that is there is replaced only when asked, and never by its own input", () => {
  const folder = newFolder();
  const out = join(folder, "model.ckpt");
  convertModel(hfFolder("llama"), out);
  const before = fs.readFileSync(out);
  expect(codeOf(() => convertModel(hfFolder("qwen2"), out))).toBe("E0749");
  expect(fs.readFileSync(out)).toEqual(before);
  convertModel(hfFolder("qwen2"), out, { replace: true });
  expect(codeOf(() => convertModel(out, out, { replace: true }))).toBe("E0967");
  expect(codeOf(() => convertModel(out, folder, { replace: true }))).toBe("E0967");
  expect(codeOf(() => convertModel(out, join(folder, "model.onnx")))).toBe("E0741");
  expect(codeOf(() => convertModel(join(folder, "none"), join(folder, "x.ckpt")))).toBe("E0706");
});

test.each(formats.filter(({ write }) => write !== undefined))(
  "what a killed writer of $name left goes",
  ({ name: to }) => {
    const work = join(newFolder(), "work");
    fs.mkdirSync(work);
    const convert = (): void => {
      convertModel(hfFolder("llama"), join(work, "out"), { to, replace: true });
    };
    convert();
    const made = fs.readdirSync(work);
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    for (const name of made) {
      fs.writeFileSync(join(work, leftTemporary(work, name, gone)), "half a file");
    }
    convert();
    expect(fs.readdirSync(work)).toEqual(made);
  },
);

test("what is no model is said to be none", () => {
  const folder = newFolder();
  fs.writeFileSync(join(folder, "notes.txt"), "hello");
  for (const path of [folder, join(folder, "notes.txt")]) {
    expect(codeOf(() => detectFormat(path))).toBe("E0740");
  }
});
