/**
 * `config.json` of Hugging Face models, to and from our own description.
 *
 * Every key must be known: one that sets a size, one of `FIXED` with a value that changes nothing, or one
 * of `IGNORED`, which no arithmetic depends on. Whatever else says something is an error that names it.
 */
import { configDamaged, configUnsupported } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { duplicateKey, isObject } from "./json_keys.ts";
import { type Family, families, type TransformerConfig } from "./weights.ts";

/** What a `config.json` says. */
export interface HfConfig {
  readonly config: TransformerConfig;
  readonly bos: number | null;
  readonly eos: number | null;
}

type Json = Readonly<Record<string, unknown>>;

const CLASS_OF: Readonly<Record<Family, string>> = {
  llama: "LlamaForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
};

/** Keys that no result depends on, or that are read below. */
const IGNORED = new Set(
  `architectures model_type hidden_size intermediate_size num_hidden_layers num_attention_heads
  num_key_value_heads head_dim vocab_size max_position_embeddings rms_norm_eps rope_theta rope_parameters
  rope_scaling tie_word_embeddings bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id
  decoder_start_token_id torch_dtype dtype transformers_version use_cache initializer_range attention_dropout
  pretraining_tp is_llama_config max_window_layers _name_or_path name_or_path return_dict output_attentions
  output_hidden_states chunk_size_feed_forward problem_type id2label label2id task_specific_params
  _attn_implementation_autoset transformers.js_config unsloth_version unsloth_fixed license
  hidden_dropout resid_pdrop embd_pdrop attn_implementation _commit_hash model_name auto_map`.split(
    /\s+/,
  ),
);

interface Fixed {
  /** Values under which the arithmetic is ours. */
  readonly fits: (value: unknown, all: Json) => boolean;
  readonly why: string;
}

const off: Fixed["fits"] = (value) => value === false || value === null || value === 0;
const slides: Fixed["fits"] = (value, all) =>
  value === null || (all["model_type"] !== "llama" && off(all["use_sliding_window"] ?? false, all));

const FIXED: Readonly<Record<string, Fixed>> = {
  hidden_act: {
    fits: (value) => value === "silu" || value === "swish",
    why: "The feed-forward layers of anec's Llama and Qwen use silu.",
  },
  attention_bias: {
    fits: off,
    why: "Only the family qwen2 has biases, on queries, keys and values.",
  },
  mlp_bias: { fits: off, why: "Feed-forward layers have no biases here." },
  use_sliding_window: { fits: off, why: "Attention here sees all tokens before." },
  sliding_window: { fits: slides, why: "Attention here sees all tokens before." },
  layer_types: {
    fits: (value) =>
      value === null || (Array.isArray(value) && value.every((v) => v === "full_attention")),
    why: "Attention here sees all tokens before, in every layer.",
  },
  partial_rotary_factor: {
    fits: (value) => value === null || value === 1,
    why: "The rotary embedding turns all elements of a head here.",
  },
  rope_interleaved: { fits: off, why: "Rows of q_proj and k_proj are expected in split halves." },
  quantization_config: { fits: (value) => value === null, why: "Weights must not be quantised." },
  use_mrope: { fits: off, why: "Positions are plain numbers here." },
  is_encoder_decoder: { fits: off, why: "Only decoders are read." },
  add_cross_attention: { fits: off, why: "Only decoders are read." },
  is_decoder: { fits: (value) => typeof value === "boolean", why: "It must be true or false." },
};

/** Far beyond any model, and small enough that products of a few stay exact. */
const LARGEST = 2 ** 24;

/** Reads the text of a `config.json` at `path`. Throws a `UserError` (E0743, E0744). */
export function parseHfConfig(text: string, path: string): HfConfig {
  const all = parseObject(text, path);
  const family = familyOf(all, path);
  for (const [key, value] of Object.entries(all)) checkKey(key, value, all, path);

  const size = (key: string, fallback?: number): number => {
    const value = all[key] ?? fallback;
    if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= LARGEST) {
      return value as number;
    }
    return damaged(path, `\`${key}\` is ${shown(value)}, not a whole number from 1 to ${LARGEST}`);
  };
  const width = size("hidden_size");
  const heads = size("num_attention_heads");
  const kvHeads = size("num_key_value_heads", heads);
  if (all["head_dim"] == null && width % heads !== 0) {
    damaged(path, `\`hidden_size\` ${width} is no multiple of ${heads} heads, and no \`head_dim\``);
  }
  const headSize = size("head_dim", width / heads);
  if (heads % kvHeads !== 0) {
    damaged(path, `\`num_attention_heads\` ${heads} is no multiple of ${kvHeads} key heads`);
  }
  if (headSize % 2 !== 0) damaged(path, `heads of ${headSize} elements are not even`);
  const config: TransformerConfig = {
    ...{ family, width, heads, kvHeads, headSize },
    layers: size("num_hidden_layers"),
    hidden: size("intermediate_size"),
    vocabulary: size("vocab_size"),
    context: size("max_position_embeddings", family === "llama" ? 2048 : 32768),
    ropeTheta: ropeTheta(all, path),
    normEps: positive(all["rms_norm_eps"] ?? 1e-6, "rms_norm_eps", path),
    residualScale: 1,
    tied: flag(all["tie_word_embeddings"] ?? false, "tie_word_embeddings", path),
  };
  return { config, bos: idOf(all["bos_token_id"]), eos: idOf(all["eos_token_id"]) };
}

function damaged(path: string, what: string): never {
  throw new UserError(configDamaged(path, what));
}

function unsupported(path: string, key: string, value: unknown, why: string): never {
  throw new UserError(configUnsupported(path, key, shown(value), why));
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The object that a JSON text holds. Throws a `UserError` (E0743). */
export function parseObject(text: string, path: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    damaged(path, `it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) damaged(path, "it is not a JSON object");
  const twice = duplicateKey(text);
  if (twice !== undefined) damaged(path, `the key \`${twice}\` occurs twice`);
  return value;
}

function familyOf(all: Json, path: string): Family {
  const type = all["model_type"];
  if (typeof type !== "string") damaged(path, `\`model_type\` is ${shown(type)}, not a text`);
  const family = families.find((f) => f === type);
  if (family !== undefined) return family;
  return unsupported(path, "model_type", type, `Families that are read: ${families.join(", ")}.`);
}

function checkKey(key: string, value: unknown, all: Json, path: string): void {
  const fixed = Object.hasOwn(FIXED, key) ? FIXED[key] : undefined;
  if (fixed !== undefined) {
    if (!fixed.fits(value, all)) unsupported(path, key, value, fixed.why);
    return;
  }
  const saysNothing = value === null || value === false;
  if (IGNORED.has(key) || saysNothing) return;
  unsupported(path, key, value, "anec does not know what it changes.");
}

/** `rope_theta`, or the newer `rope_parameters` with it; scaled angles are refused. */
function ropeTheta(all: Json, path: string): number {
  const thetas: number[] = [];
  if (all["rope_theta"] != null) thetas.push(positive(all["rope_theta"], "rope_theta", path));
  for (const key of ["rope_parameters", "rope_scaling"]) {
    const value = all[key];
    if (value == null) continue;
    if (!isObject(value)) damaged(path, `\`${key}\` is ${shown(value)}, not an object`);
    for (const [inner, what] of Object.entries(value)) {
      const name = `${key}.${inner}`;
      if (inner === "rope_theta") thetas.push(positive(what, name, path));
      else if (inner === "rope_type" || inner === "type") {
        if (what !== "default") unsupported(path, name, what, "Angles are not scaled here.");
      } else if (inner === "partial_rotary_factor") {
        if (what !== 1) unsupported(path, name, what, FIXED[inner]!.why);
      } else if (what !== null) unsupported(path, name, what, "Angles are not scaled here.");
    }
  }
  const [theta = 10000] = thetas;
  if (thetas.some((t) => t !== theta)) {
    damaged(path, `it gives the rotary base as ${thetas.join(" and as ")}`);
  }
  return theta;
}

function positive(value: unknown, key: string, path: string): number {
  if (typeof value === "number" && value > 0 && value < 1e30) return value;
  return damaged(path, `\`${key}\` is ${shown(value)}, not a number above 0`);
}

function flag(value: unknown, key: string, path: string): boolean {
  if (typeof value === "boolean") return value;
  return damaged(path, `\`${key}\` is ${shown(value)}, not true or false`);
}

/** The id of a special token; the first of several. */
function idOf(value: unknown): number | null {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return Number.isSafeInteger(first) && (first as number) >= 0 ? (first as number) : null;
}

/** The text of a `config.json`. `dtype` as PyTorch calls it. */
export function printHfConfig({ config, bos, eos }: HfConfig, dtype: string): string {
  const { family, width, heads, headSize } = config;
  const isQwen = family !== "llama";
  const keys = {
    architectures: [CLASS_OF[family]],
    model_type: family,
    hidden_size: width,
    intermediate_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: heads,
    num_key_value_heads: config.kvHeads,
    head_dim: headSize,
    vocab_size: config.vocabulary,
    max_position_embeddings: config.context,
    hidden_act: "silu",
    rms_norm_eps: config.normEps,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tied,
    ...(family === "qwen2" ? {} : { attention_bias: false }),
    ...(isQwen ? { use_sliding_window: false } : { mlp_bias: false }),
    bos_token_id: bos,
    eos_token_id: eos,
    torch_dtype: dtype,
  };
  return `${JSON.stringify(keys, null, 2)}\n`;
}
