/** The header values and tensor names of GGUF for the families of models that anec has. */
import { ggufArchitecture, ggufKey, ggufUnsupported } from "../compiler/messages/gguf.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { GgufParts } from "./gguf_parse.ts";
import type { GgufValue, Scalar } from "./gguf_types.ts";
import { type Family, families, type TransformerConfig } from "./weights.ts";

/** Names of the layers' tensors: ours, and those of GGUF behind `blk.3.`. */
const LAYER_NAMES: readonly (readonly [string, string])[] = [
  ["self_attn.q_proj", "attn_q"],
  ["self_attn.k_proj", "attn_k"],
  ["self_attn.v_proj", "attn_v"],
  ["self_attn.o_proj", "attn_output"],
  ["self_attn.q_norm", "attn_q_norm"],
  ["self_attn.k_norm", "attn_k_norm"],
  ["mlp.gate_proj", "ffn_gate"],
  ["mlp.down_proj", "ffn_down"],
  ["mlp.up_proj", "ffn_up"],
  ["input_layernorm", "attn_norm"],
  ["post_attention_layernorm", "ffn_norm"],
];

/** GGUF's name of a tensor of `expectedTensors`. */
export function ggufName(name: string): string {
  const match = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  const inner = LAYER_NAMES.find(([ours]) => ours === match?.[2]);
  if (match !== null && inner !== undefined) return `blk.${match[1]}.${inner[1]}.${match[3]}`;
  return name
    .replace("model.embed_tokens.", "token_embd.")
    .replace("model.norm.", "output_norm.")
    .replace("lm_head.", "output.");
}

/** Whether the rows of a tensor are interleaved in GGUF: queries and keys of the llama architecture. */
export function isInterleaved(family: Family, name: string): boolean {
  return family === "llama" && /\.self_attn\.[qk]_proj\.weight$/.test(name);
}

/** The values that describe a model. Its residual scale must be 1. */
export function modelValues(
  name: string,
  config: TransformerConfig,
  fileType: number,
): Map<string, GgufValue> {
  const values = new Map<string, GgufValue>();
  const text = (key: string, value: string) => values.set(key, { type: "string", value });
  const u32 = (key: string, value: number) => values.set(key, { type: "u32", value });
  const f32 = (key: string, value: number) => values.set(key, { type: "f32", value });
  const own = (key: string): string => `${config.family}.${key}`;
  text("general.architecture", config.family);
  text("general.type", "model");
  text("general.name", name);
  u32("general.file_type", fileType);
  u32("general.quantization_version", 2);
  u32(own("block_count"), config.layers);
  u32(own("context_length"), config.context);
  u32(own("embedding_length"), config.width);
  u32(own("feed_forward_length"), config.hidden);
  u32(own("attention.head_count"), config.heads);
  u32(own("attention.head_count_kv"), config.kvHeads);
  u32(own("attention.key_length"), config.headSize);
  u32(own("attention.value_length"), config.headSize);
  f32(own("attention.layer_norm_rms_epsilon"), config.normEps);
  u32(own("rope.dimension_count"), config.headSize);
  f32(own("rope.freq_base"), config.ropeTheta);
  u32(own("vocab_size"), config.vocabulary);
  return values;
}

/** Keys of an architecture that are read below. */
const READ = new Set([
  ...["block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size"],
  ...["attention.head_count", "attention.head_count_kv", "attention.key_length"],
  ...["attention.value_length", "attention.layer_norm_rms_epsilon"],
  ...["rope.dimension_count", "rope.freq_base"],
]);

/** Keys that change nothing if they have this value, and what they are about. */
const NEUTRAL: Readonly<Record<string, readonly [Scalar, string]>> = {
  "attention.causal": [true, "attention to tokens that come later"],
  "attention.sliding_window": [0, "attention in a sliding window"],
  "attention.clamp_kqv": [0, "clamped queries, keys and values"],
  "attention.max_alibi_bias": [0, "a bias by distance in attention"],
  "rope.scaling.type": ["none", "scaled rotary embeddings"],
  "rope.scaling.factor": [1, "scaled rotary embeddings"],
  "rope.scaling.attn_factor": [1, "scaled rotary embeddings"],
  "rope.scale_linear": [1, "scaled rotary embeddings"],
  use_parallel_residual: [false, "attention and feed-forward layer side by side"],
  expert_count: [0, "a mixture of experts"],
  expert_used_count: [0, "a mixture of experts"],
  pooling_type: [0, "pooling of the outputs"],
  residual_scale: [1, "a residual scale"],
  embedding_scale: [1, "a factor of the embedding"],
  logit_scale: [1, "a factor of the logits"],
  tensor_data_layout: ["Meta AI original pth", "another layout of tensors"],
};

/** The model that a file describes. Throws a `UserError` (E0794 to E0796). */
export function configOf({ values, tensors }: GgufParts, name: string): TransformerConfig {
  const wrong = (key: string, what: string): never => {
    throw new UserError(ggufKey(name, key, what));
  };
  const architecture = scalarOf(values.get("general.architecture"));
  if (typeof architecture !== "string") {
    return wrong("general.architecture", "is missing or no text");
  }
  const family = families.find((f) => f === architecture);
  if (family === undefined) {
    throw new UserError(ggufArchitecture(name, architecture, families));
  }
  checkKeys(values, family, name);

  const number = (key: string, fits: (n: number) => boolean, needs: string, fallback?: number) => {
    const found = values.get(`${family}.${key}`);
    if (found === undefined && fallback !== undefined) return fallback;
    if (found === undefined) return wrong(`${family}.${key}`, "is missing");
    const value = scalarOf(found);
    const n = typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
    return fits(n) ? n : wrong(`${family}.${key}`, `is ${shown(found)}, and not ${needs}`);
  };
  const size = (key: string, fallback?: number): number =>
    number(key, isSize, `a whole number from 1 to ${LARGEST}`, fallback);
  const positive = (key: string, fallback?: number): number =>
    number(key, (n) => n > 0 && n < 1e30, "a number above 0", fallback);
  const same = (key: string, value: number, what: string): void => {
    const found = size(key, value);
    if (found !== value) wrong(`${family}.${key}`, `is ${found}, but ${what} ${value}`);
  };

  const width = size("embedding_length");
  const heads = size("attention.head_count");
  const kvHeads = size("attention.head_count_kv", heads);
  const isWhole = width % heads === 0;
  const headSize = size("attention.key_length", isWhole ? width / heads : undefined);
  if (heads % kvHeads !== 0) {
    wrong(`${family}.attention.head_count`, `is ${heads}, no multiple of ${kvHeads} key heads`);
  }
  if (headSize % 2 !== 0) wrong(`${family}.attention.key_length`, `is ${headSize}, not even`);
  same("attention.value_length", headSize, "a head has");
  same("rope.dimension_count", headSize, "a head has");
  const [rows] = tensors.get("token_embd.weight")?.shape ?? [];
  const vocabulary = size("vocab_size", rows !== undefined && isSize(rows) ? rows : undefined);
  return {
    ...{ family, width, heads, kvHeads, headSize, vocabulary },
    layers: size("block_count"),
    hidden: size("feed_forward_length"),
    context: size("context_length"),
    ropeTheta: shortest(positive("rope.freq_base", 10000)),
    normEps: shortest(positive("attention.layer_norm_rms_epsilon")),
    residualScale: 1,
    tied: !tensors.has("output.weight"),
  };
}

/** Far beyond any model, and small enough that products of a few stay exact. */
const LARGEST = 2 ** 24;

const isSize = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= LARGEST;

/** The number that a person wrote before it was rounded to fp32: 9.99999974737875e-6 was 1e-5. */
function shortest(value: number): number {
  const rounded = Number(value.toPrecision(7));
  return Math.fround(rounded) === value ? rounded : value;
}

function checkKeys(values: ReadonlyMap<string, GgufValue>, family: Family, name: string): void {
  const scaling = scalarOf(values.get(`${family}.rope.scaling.type`));
  for (const [key, value] of values) {
    if (!key.startsWith(`${family}.`)) continue;
    const inner = key.slice(family.length + 1);
    if (READ.has(inner)) continue;
    const isOff = scaling === "none" && inner.startsWith("rope.scaling.");
    const neutral = Object.hasOwn(NEUTRAL, inner) ? NEUTRAL[inner] : undefined;
    if (isOff || (neutral !== undefined && isSame(value, neutral[0]))) continue;
    const isScaling = inner.startsWith("rope.scaling.");
    const what =
      neutral?.[1] ?? (isScaling ? "scaled rotary embeddings" : "it is not known what it changes");
    throw new UserError(ggufUnsupported(name, "key", key, `${what} (${shown(value)})`));
  }
}

function isSame(value: GgufValue, expected: Scalar): boolean {
  const found = scalarOf(value);
  return typeof found === "bigint" ? Number(found) === expected : found === expected;
}

function scalarOf(value: GgufValue | undefined): Scalar | undefined {
  return value === undefined || value.type === "array" ? undefined : value.value;
}

function shown(value: GgufValue): string {
  if (value.type === "array") return `a list of ${value.items.length} ${value.of}`;
  const text = String(value.value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
