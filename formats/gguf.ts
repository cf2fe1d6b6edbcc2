/**
 * GGUF, the files of llama.cpp: one file with the description of a model, its tokenizer and its tensors.
 *
 * Tensors have the orientation of Hugging Face. The `llama` architecture pairs neighbouring rows of
 * queries and keys for the rotary embedding, `qwen2` and `qwen3` pair halves of a head; reading gives
 * halves, writing what the architecture asks for. Quantised tensors are read as F32.
 */
import {
  ggufRowsKept,
  ggufTensorShape,
  ggufTokenizer,
  ggufUnsupported,
} from "../compiler/messages/gguf.ts";
import { bug } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { readFileBytes, writeFileBytes } from "./files.ts";
import type { Format, ReadOptions, WriteDtype, WriteOptions } from "./format.ts";
import { encodeGgufParts, type GgufOutput } from "./gguf_encode.ts";
import { configOf, ggufName, isInterleaved, modelValues } from "./gguf_model.ts";
import { type GgufTensor, isGguf, parseGgufParts } from "./gguf_parse.ts";
import { tokenizerOf, tokenizerValues } from "./gguf_tokenizer.ts";
import type { GgufValue, TensorType } from "./gguf_types.ts";
import { BLOCK, dequantize } from "./quantized.ts";
import { foldResidualScale } from "./residual.ts";
import { interleaveRows, splitRows } from "./rotary_order.ts";
import { elementsOf, fromFloat32, madeTensor, type Tensor } from "./tensor.ts";
import {
  expectedTensors,
  type TokenizerData,
  type TransformerConfig,
  type WeightSet,
} from "./weights.ts";

/** Reads a file. Throws a `UserError` (E0702 to E0707, E0788 to E0797); warns when it has a tokenizer of no known kind. */
export function readGguf(path: string, options: ReadOptions = {}): WeightSet {
  return parseGguf(readFileBytes(path), path, options);
}

/** Reads the bytes of a file called `name`; tensors are views of them, or are made of them when asked for. */
export function parseGguf(bytes: Uint8Array, name: string, options: ReadOptions = {}): WeightSet {
  const parts = parseGgufParts(bytes, name);
  const config = configOf(parts, name);
  const title = parts.values.get("general.name");
  return {
    name: title?.type === "string" ? String(title.value) : name.replace(/^.*[/\\]|\.gguf$/g, ""),
    config,
    tensors: tensorsOf(parts.tensors, config, name),
    tokenizer: readTokenizer(parts.values, config, name, options),
    training: null,
    optimizer: null,
  };
}

function tensorsOf(
  found: ReadonlyMap<string, GgufTensor>,
  config: TransformerConfig,
  name: string,
): Map<string, Tensor> {
  const missing = (tensor: string): never => {
    throw new UserError(ggufTensorShape(name, tensor, null, ""));
  };
  // A number of layers is a claim; each has tensors to show for it.
  for (let i = 0; i < config.layers; i++) {
    if (!found.has(`blk.${i}.attn_norm.weight`)) missing(`blk.${i}.attn_norm.weight`);
  }
  const tensors = new Map<string, Tensor>();
  const left = new Set(found.keys());
  for (const [ours, shape] of expectedTensors(config)) {
    const key = ggufName(ours);
    const tensor = found.get(key) ?? missing(key);
    if (tensor.shape.length !== shape.length || !tensor.shape.every((n, i) => n === shape[i])) {
      const [has, needs] = [tensor.shape, shape].map((s) => `[${s.join(", ")}]`);
      throw new UserError(ggufTensorShape(name, key, has!, needs!));
    }
    const plain = plainTensor(tensor);
    const isTurned = isInterleaved(config.family, ours);
    const turned = (): Tensor => splitRows(plain, config.headSize);
    tensors.set(ours, isTurned ? madeTensor(plain.dtype, shape, turned) : plain);
    left.delete(key);
  }
  for (const key of left) {
    throw new UserError(ggufUnsupported(name, "tensor", key, whatIs(key, config.family)));
  }
  return tensors;
}

function plainTensor({ type, shape, data }: GgufTensor): Tensor {
  if (type === "F32" || type === "F16" || type === "BF16") return { dtype: type, shape, data };
  return madeTensor("F32", shape, () => fromFloat32(shape, dequantize(type, data)));
}

/** What a tensor is there for that no model of the family has. */
function whatIs(key: string, family: string): string {
  if (/_exps\b|_shexp\b|ffn_gate_inp/.test(key)) return "it belongs to a mixture of experts";
  if (/^rope_|\.rope_/.test(key)) return "it scales the rotary embedding";
  if (key.endsWith(".bias")) return `it is a bias that models of the family ${family} do not have`;
  if (/attn_[qk]_norm/.test(key)) {
    return `it normalises heads, which models of the family ${family} do not do`;
  }
  return `models of the family ${family} have no such tensor`;
}

function readTokenizer(
  values: ReadonlyMap<string, GgufValue>,
  config: TransformerConfig,
  name: string,
  { report }: ReadOptions,
): TokenizerData | null {
  const tokens = values.get("tokenizer.ggml.tokens");
  const ids = tokens?.type === "array" ? tokens.items.length : config.vocabulary;
  const found =
    ids > config.vocabulary
      ? { refused: `it has ${ids} ids for ${config.vocabulary} rows of the embedding` }
      : tokenizerOf(values);
  if (found === null || !("refused" in found)) return found;
  report?.(ggufTokenizer(name, "read", found.refused));
  return null;
}

/** Types of matrices by what is asked for. */
const TYPE_OF: Readonly<Record<WriteDtype, TensorType>> = {
  f32: "F32",
  f16: "F16",
  bf16: "BF16",
  q8_0: "Q8_0",
};

/** `general.file_type` by the type of most of the numbers. */
const FILE_TYPES = {
  F32: 0,
  F16: 1,
  Q8_0: 7,
  BF16: 32,
  Q4_0: 2,
  Q4_1: 3,
} as const satisfies Readonly<Record<TensorType, number>>;

/**
 * Writes a file whole or not at all. A residual scale is multiplied into `attn_output` and `ffn_down`.
 * Vectors are F32, and so are matrices of other types than F32, F16 and BF16 unless a type is asked for.
 * Throws a `UserError` (E0701 to E0707, E0759).
 */
export function writeGguf(path: string, weights: WeightSet, options: WriteOptions = {}): void {
  writeFileBytes(path, encodeGguf(path, weights, options));
}

/** The bytes of a file called `path`, in chunks that are made as they are taken. */
export function encodeGguf(
  path: string,
  weights: WeightSet,
  { dtype, report }: WriteOptions = {},
): Iterable<Uint8Array> {
  const asked = dtype === undefined ? undefined : TYPE_OF[dtype];
  const { config, tensors, tokenizer, name } = foldResidualScale(weights);
  let wider = 0;
  const outputs: GgufOutput[] = [];
  for (const [ours, shape] of expectedTensors(config)) {
    const tensor = tensors.get(ours) ?? bug(`the weights lack \`${ours}\``);
    const type = typeFor(tensor, asked);
    if (asked !== undefined && shape.length > 1 && type !== asked) wider += 1;
    const isTurned = isInterleaved(config.family, ours);
    outputs.push({
      ...{ name: ggufName(ours), type, shape },
      values: () => (isTurned ? interleaveRows(tensor, config.headSize) : tensor),
    });
  }
  if (wider > 0) report?.(ggufRowsKept(path, wider, BLOCK));

  const values = modelValues(name, config, FILE_TYPES[mostUsed(outputs)]);
  const written = tokenizer === null ? null : tokenizerValues(tokenizer, config.vocabulary);
  if (written !== null && "refused" in written) {
    report?.(ggufTokenizer(path, "written", written.refused));
  }
  if (written === null || "refused" in written) {
    values.set("tokenizer.ggml.model", { type: "string", value: "no_vocab" });
  } else {
    for (const [key, value] of written) values.set(key, value);
  }
  return encodeGgufParts(values, outputs);
}

function typeFor({ dtype, shape }: Tensor, asked: TensorType | undefined): TensorType {
  if (shape.length < 2) return "F32";
  if (asked === undefined) return dtype === "F16" || dtype === "BF16" ? dtype : "F32";
  return asked === "Q8_0" && shape[shape.length - 1]! % BLOCK !== 0 ? "F16" : asked;
}

/** The type of most of the numbers. */
function mostUsed(outputs: readonly GgufOutput[]): TensorType {
  const numbers = new Map<TensorType, number>();
  for (const { type, shape } of outputs) {
    numbers.set(type, (numbers.get(type) ?? 0) + elementsOf(shape));
  }
  return [...numbers].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

/** One file of llama.cpp. */
export const ggufFormat: Format = {
  name: "gguf",
  doc: "GGUF of llama.cpp: one file with F32, F16, BF16 or Q8_0 weights (Q4_0 and Q4_1 are read)",
  extensions: [".gguf"],
  dtypes: ["f32", "f16", "bf16", "q8_0"],
  keeps: {
    residualScale: false,
    optimizer: false,
    training: false,
    tokenizer: true,
    anyVocabulary: true,
  },
  detect: ({ folder, head }) => folder === null && isGguf(head),
  read: readGguf,
  write: writeGguf,
};
