/** Folders of Hugging Face: what is read, what is refused and by which name, what is written. */
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { castTensor } from "../../../formats/cast.ts";
import { readHf, writeHf } from "../../../formats/hf.ts";
import { parseHfConfig, printHfConfig } from "../../../formats/hf_config.ts";
import { encodeSafetensors, readSafetensors } from "../../../formats/safetensors.ts";
import { fromFloat32, type Tensor } from "../../../formats/tensor.ts";
import { writeFolderAtomic } from "../../../formats/write_folder.ts";
import { bitsOf, hfFolder, hfNames, hfWith, newFolder } from "./hf_models.ts";

/** The message of the user error that `work` throws, with its code. */
function errorOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error.message.replace(/^error\[(E\d+)\]/, "$1");
    throw error;
  }
  return "no error";
}

describe.each(hfNames)("%s", (name) => {
  test("is written as it was read, bit for bit, in one file and in parts", () => {
    const weights = readHf(hfFolder(name));
    for (const partBytes of [1e9, 3000, 1]) {
      const folder = join(newFolder(), "copy");
      writeHf(folder, weights, { partBytes });
      const isOneFile = fs.existsSync(join(folder, "model.safetensors"));
      expect(isOneFile).toBe(partBytes === 1e9);
      const again = readHf(folder);
      expect(again.config).toEqual(weights.config);
      expect(bitsOf(again)).toEqual(bitsOf(weights));
    }
  });

  test("its configuration survives printing", () => {
    const { config } = readHf(hfFolder(name));
    const told = { config, bos: 1, eos: null };
    expect(parseHfConfig(printHfConfig(told, "float32"), "c.json")).toEqual(told);
  });
});

test("AutoTokenizer is told what it needs beside tokenizer.json", () => {
  const json = fs.readFileSync(new URL("./tokenizers/qwen.json", import.meta.url), "utf8");
  const all = JSON.parse(json) as {
    added_tokens: { id: number; content: string }[];
    model: { vocab: Record<string, number> };
  };
  const [added] = all.added_tokens;
  const [word, id] = Object.entries(all.model.vocab)[5]!;
  const folder = join(newFolder(), "model");
  const weights = readHf(hfFolder("llama"));
  writeHf(folder, { ...weights, tokenizer: { json, bos: id, eos: added!.id } });
  const told = JSON.parse(fs.readFileSync(join(folder, "tokenizer_config.json"), "utf8"));
  expect(told).toEqual({
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: weights.config.context,
    clean_up_tokenization_spaces: false,
    bos_token: word,
    eos_token: added!.content,
  });
  expect(fs.existsSync(join(folder, "tokenizer.json"))).toBe(true);
});

test("types of numbers are kept, and cast where they are asked for", () => {
  const dtypeOf = (name: string) => readHf(hfFolder(name)).tensors.get("model.norm.weight")!.dtype;
  expect(hfNames.map(dtypeOf)).toEqual(["F32", "BF16", "F16", "BF16"]);
  const folder = join(newFolder(), "wide");
  const weights = readHf(hfFolder("qwen3"));
  writeHf(folder, weights, { dtype: "f32" });
  const back = join(newFolder(), "back");
  writeHf(back, readHf(folder), { dtype: "bf16" });
  expect(bitsOf(readHf(back))).toEqual(bitsOf(weights));
});

test("a number that f16 cannot hold is an error, not an infinity", () => {
  const tensor = fromFloat32([2], Float32Array.of(1, 70000));
  expect(errorOf(() => castTensor(tensor, "F16", "w"))).toBe(
    "E0759: `w` holds 70000, which `f16` cannot hold",
  );
});

test("bf16 rounds to nearest, ties to even, and keeps what is not finite", () => {
  const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -Infinity, Number.NaN);
  const bits = new Uint16Array(castTensor(fromFloat32([5], values), "BF16", "w").data.buffer);
  expect([...bits.subarray(0, 4)]).toEqual([0x3f80, 0x3f80, 0x3f82, 0xff80]);
  expect(bits[4]! & 0x7fff).toBeGreaterThan(0x7f80);
});

test("both forms of the rotary base are read", () => {
  const old = hfWith("llama", ({ rope_parameters: _, ...config }) => ({
    ...config,
    rope_theta: 500000,
    rope_scaling: null,
  }));
  expect(readHf(old).config.ropeTheta).toBe(500000);
  expect(readHf(hfFolder("llama")).config.ropeTheta).toBe(100000);
});

test.each<[string, string, Record<string, unknown>, string]>([
  [
    "scaled angles",
    "llama",
    { rope_scaling: { rope_type: "llama3", factor: 8 } },
    'needs `rope_scaling.rope_type`: "llama3"',
  ],
  [
    "scaled angles, newer",
    "llama",
    { rope_parameters: { rope_type: "yarn", rope_theta: 1 } },
    'needs `rope_parameters.rope_type`: "yarn"',
  ],
  ["a sliding window", "llama", { sliding_window: 4096 }, "needs `sliding_window`: 4096"],
  [
    "a sliding window in use",
    "qwen2",
    { use_sliding_window: true },
    "needs `use_sliding_window`: true",
  ],
  [
    "layers that slide",
    "qwen3",
    { layer_types: ["full_attention", "sliding_attention"] },
    "needs `layer_types`",
  ],
  ["biases of llama", "llama", { attention_bias: true }, "needs `attention_bias`: true"],
  ["biases of the feed-forward layer", "llama", { mlp_bias: true }, "needs `mlp_bias`: true"],
  ["another activation", "qwen2", { hidden_act: "gelu" }, 'needs `hidden_act`: "gelu"'],
  [
    "a part of the angles",
    "llama",
    { partial_rotary_factor: 0.5 },
    "needs `partial_rotary_factor`",
  ],
  [
    "quantised weights",
    "llama",
    { quantization_config: { bits: 4 } },
    "needs `quantization_config`",
  ],
  ["a key nobody knows", "llama", { logit_scale: 0.1 }, "needs `logit_scale`: 0.1"],
  ["another family", "llama", { model_type: "gemma3" }, 'needs `model_type`: "gemma3"'],
  ["no width", "llama", { hidden_size: 0 }, "`hidden_size` is 0, not a whole number"],
  ["an absurd width", "llama", { hidden_size: 1e12 }, "`hidden_size` is 1000000000000"],
  ["heads that do not divide", "llama", { num_key_value_heads: 3 }, "no multiple of 3 key heads"],
  ["odd heads", "llama", { head_dim: 3 }, "heads of 3 elements are not even"],
  ["two rotary bases", "llama", { rope_theta: 5 }, "gives the rotary base as 5 and as 100000"],
  [
    "more layers than tensors",
    "llama",
    { num_hidden_layers: 1e7 },
    "has no tensor `model.layers.20.",
  ],
  ["fewer layers", "llama", { num_hidden_layers: 1 }, "holds the tensor `model.layers.1."],
  ["more layers", "llama", { num_hidden_layers: 3 }, "has no tensor `model.layers.2."],
  ["another vocabulary", "qwen3", { vocab_size: 50 }, "`model.embed_tokens.weight` of"],
  [
    "a head of its own",
    "llama_untied",
    { tie_word_embeddings: true },
    "the tensor `lm_head.weight`",
  ],
  ["no head of its own", "llama", { tie_word_embeddings: false }, "has no tensor `lm_head.weight`"],
  ["a flag that is none", "llama", { tie_word_embeddings: 1 }, "not true or false"],
  [
    "biases that a family has not",
    "qwen2",
    { model_type: "llama" },
    "_proj.bias`, which the model",
  ],
  [
    "norms that a family has not",
    "qwen3",
    { model_type: "llama" },
    "k_norm.weight`, which the model",
  ],
])("%s: an error that names it", (_what, name, change, message) => {
  const folder = hfWith(name, (config) => ({ ...config, ...change }));
  expect(errorOf(() => readHf(folder))).toContain(message);
});

/** A copy of a model whose tensors were changed. */
function withTensors(name: string, change: (tensors: Map<string, Tensor>) => void): string {
  const folder = hfWith(name, (config) => config);
  const path = join(folder, "model.safetensors");
  const tensors = new Map(readSafetensors(path).tensors);
  change(tensors);
  fs.writeFileSync(path, Buffer.concat([...encodeSafetensors(tensors)]));
  return folder;
}

test("a tied classifier that repeats the embedding says nothing new; another one is an error", () => {
  const repeated = withTensors("llama", (tensors) => {
    tensors.set("lm_head.weight", tensors.get("model.embed_tokens.weight")!);
  });
  expect(bitsOf(readHf(repeated))).toEqual(bitsOf(readHf(hfFolder("llama"))));
  const other = withTensors("llama", (tensors) => {
    const { dtype, shape, data } = tensors.get("model.embed_tokens.weight")!;
    tensors.set("lm_head.weight", { dtype, shape, data: data.map((b) => b ^ 1) });
  });
  expect(errorOf(() => readHf(other))).toMatch(/^E0745: .*`lm_head.weight`/);
});

test("angles of the rotary embedding beside the weights must be the model's", () => {
  const name = "model.layers.0.self_attn.rotary_emb.inv_freq";
  const angles = (theta: number) => fromFloat32([2], Float32Array.of(1, theta ** (-2 / 4)));
  const right = withTensors("llama", (tensors) => tensors.set(name, angles(100000)));
  expect(readHf(right).tensors.has(name)).toBe(false);
  const wrong = withTensors("llama", (tensors) => tensors.set(name, angles(10000)));
  expect(errorOf(() => readHf(wrong))).toContain(name);
});

test("a tensor of whole numbers is no weight", () => {
  const folder = withTensors("llama", (tensors) => {
    const { shape, data } = tensors.get("model.norm.weight")!;
    tensors.set("model.norm.weight", { dtype: "I32", shape, data });
  });
  expect(errorOf(() => readHf(folder))).toMatch(/^E0747: tensor `model.norm.weight`.* I32 \[16\]/);
});

/** A model in parts, with another list of them. */
function withIndex(change: (index: { weight_map: Record<string, unknown> }) => unknown): string {
  const folder = join(newFolder(), "parts");
  writeHf(folder, readHf(hfFolder("llama")), { partBytes: 3000 });
  const path = join(folder, "model.safetensors.index.json");
  const index = JSON.parse(fs.readFileSync(path, "utf8")) as {
    weight_map: Record<string, unknown>;
  };
  fs.writeFileSync(path, JSON.stringify(change(index)));
  return folder;
}

test.each([
  "../secret.safetensors",
  "/etc/secret.safetensors",
  "a/b.safetensors",
  "a\\b.safetensors",
  "..",
  "model.bin",
  "",
])("a part called %j leads out of the folder or to no part", (part) => {
  const folder = withIndex(({ weight_map }) => ({
    weight_map: { ...weight_map, "model.norm.weight": part },
  }));
  expect(errorOf(() => readHf(folder))).toMatch(/^E0748: .*the part of `model.norm.weight` is/);
});

test("a list of parts that is not that of the parts is an error", () => {
  const missing = withIndex(({ weight_map: { "model.norm.weight": _, ...rest } }) => ({
    weight_map: rest,
  }));
  expect(errorOf(() => readHf(missing))).toContain("it does not list `model.norm.weight`");
  const absent = withIndex(({ weight_map }) => ({
    weight_map: { ...weight_map, "model.more.weight": weight_map["model.norm.weight"] },
  }));
  expect(errorOf(() => readHf(absent))).toContain("does not hold `model.more.weight`");
  const gone = withIndex((index) => index);
  fs.rmSync(join(gone, "model-00002-of-00008.safetensors"), { force: true });
  const parts = fs.readdirSync(gone).filter((n) => n.endsWith(".safetensors"));
  fs.rmSync(join(gone, parts[0]!));
  expect(errorOf(() => readHf(gone))).toMatch(/^E0742: .*has no `model-/);
});

test("a folder without weights, or with PyTorch's own, says what it lacks", () => {
  const folder = hfWith("llama", (config) => config);
  fs.renameSync(join(folder, "model.safetensors"), join(folder, "pytorch_model.bin"));
  expect(errorOf(() => readHf(folder))).toMatch(/^E0742: .*has no `model.safetensors`/);
});

test("a folder that is there is replaced only when asked, and then wholly", () => {
  const folder = newFolder();
  const target = join(folder, "model");
  const weights = readHf(hfFolder("llama"));
  writeHf(target, weights, { partBytes: 3000 });
  expect(errorOf(() => writeHf(target, weights))).toMatch(/^E0749/);
  writeHf(target, weights, { replace: true });
  expect(fs.readdirSync(target).sort()).toEqual(["config.json", "model.safetensors"]);
  expect(fs.readdirSync(folder)).toEqual(["model"]);
});

test("what fails in the middle leaves the old folder and nothing else", () => {
  const folder = newFolder();
  const target = join(folder, "model");
  const weights = readHf(hfFolder("llama"));
  writeHf(target, weights);
  const before = fs.readFileSync(join(target, "config.json"));
  function* halfway(): Generator<Uint8Array> {
    yield new Uint8Array(10);
    throw new Error("the tensors end here");
  }
  const files = [
    { name: "config.json", chunks: [new Uint8Array(3)] },
    { name: "model.safetensors", chunks: halfway() },
  ];
  expect(() => writeFolderAtomic(target, files, { replace: true })).toThrow("end here");
  expect(fs.readFileSync(join(target, "config.json"))).toEqual(before);
  expect(fs.readdirSync(folder)).toEqual(["model"]);
});
