/**
 * The weights of a transformer, as every format here can be read into and written from: the names, the
 * orientation and the order of Hugging Face.
 *
 *   names         `model.embed_tokens.weight`, `model.layers.3.self_attn.q_proj.weight`, …
 *   orientation   [outputs, inputs], row-major; a parameter of an .ane model is its transpose
 *   order         the rows of q_proj and k_proj pair (i, i + E/2) of each head for the rotary embedding;
 *                 BLZT, llama2.c and the llama architecture of GGUF pair (2i, 2i + 1)
 *
 * A reader keeps the type of each tensor; the writer of a format that has fewer types converts.
 */
import type { Tensor } from "./tensor.ts";

/** Kinds of transformer: they differ in biases and in norms of queries and keys. */
export const families = ["llama", "qwen2", "qwen3"] as const;

export type Family = (typeof families)[number];

/** All that decides the shapes and the arithmetic of a model. */
export interface TransformerConfig {
  readonly family: Family;
  /** Layers. */
  readonly layers: number;
  /** Width of the residual stream. */
  readonly width: number;
  /** Query heads, key and value heads, elements of a head. heads·headSize may differ from width. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Width inside the feed-forward layer. */
  readonly hidden: number;
  /** Rows of the embedding. */
  readonly vocabulary: number;
  /** Tokens of the longest sequence. */
  readonly context: number;
  readonly ropeTheta: number;
  readonly normEps: number;
  /** Factor of what each half of a block adds to the residual stream; 1 in published models. */
  readonly residualScale: number;
  /** Whether the classifier is the embedding. */
  readonly tied: boolean;
}

/** What is known of a run that wrote the file; fields of BLZT's header, by its own names. */
export interface TrainingHeader {
  readonly step: number;
  readonly totalSteps: number;
  readonly lr: number;
  readonly loss: number;
  /** Milliseconds of training and of the whole run. */
  readonly cumTrain: number;
  readonly cumWall: number;
  readonly cumSteps: number;
  /** Updates of the optimizer. */
  readonly adamT: number;
  /** Of BLZT, where they are not what they are by default: 0, 0, and the context of the model. */
  readonly cumCompile?: number;
  readonly cumBatches?: number;
  readonly seqLen?: number;
}

/** The state of the optimizer, by the name of the weight. */
export interface OptimizerState {
  readonly first: ReadonlyMap<string, Tensor>;
  readonly second: ReadonlyMap<string, Tensor>;
}

/** A tokenizer as byte-pair encoding: what `tokenizer.json` and GGUF both hold. */
export interface TokenizerData {
  /** `tokenizer.json` as it was read or is to be written, whole. */
  readonly json: string;
  /** Ids of special tokens; null where there is none. */
  readonly bos: number | null;
  readonly eos: number | null;
  /** The token for what has none, and the one that fills batches up; absent where none is named. */
  readonly unknown?: number;
  readonly padding?: number;
  /** How conversations are written, as Jinja, by name; `default` is meant where none is named. */
  readonly chatTemplates?: Readonly<Record<string, string>>;
}

/** A model on disk, whatever the format. */
export interface WeightSet {
  /** For messages and for the name written into files. */
  readonly name: string;
  readonly config: TransformerConfig;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly tokenizer: TokenizerData | null;
  readonly training: TrainingHeader | null;
  readonly optimizer: OptimizerState | null;
}

/** Whether queries, keys and values of a family have biases. */
export function hasBias(family: Family): boolean {
  return family === "qwen2";
}

/** Whether a family normalises queries and keys in each head. */
export function hasQkNorm(family: Family): boolean {
  return family === "qwen3";
}

/** The name and shape of every tensor that a model of this configuration has, in the order of its layers. */
export function expectedTensors(config: TransformerConfig): Map<string, readonly number[]> {
  const { layers, width, hidden, vocabulary, headSize, family } = config;
  const [q, kv] = [config.heads * headSize, config.kvHeads * headSize];
  const shapes = new Map<string, readonly number[]>();
  shapes.set("model.embed_tokens.weight", [vocabulary, width]);
  for (let i = 0; i < layers; i++) {
    const add = (name: string, ...shape: number[]): void => {
      shapes.set(`model.layers.${i}.${name}`, shape);
    };
    for (const [name, rows] of [
      ["q", q],
      ["k", kv],
      ["v", kv],
    ] as const) {
      add(`self_attn.${name}_proj.weight`, rows, width);
      if (hasBias(family)) add(`self_attn.${name}_proj.bias`, rows);
    }
    add("self_attn.o_proj.weight", width, q);
    if (hasQkNorm(family)) {
      add("self_attn.q_norm.weight", headSize);
      add("self_attn.k_norm.weight", headSize);
    }
    add("mlp.gate_proj.weight", hidden, width);
    add("mlp.down_proj.weight", width, hidden);
    add("mlp.up_proj.weight", hidden, width);
    add("input_layernorm.weight", width);
    add("post_attention_layernorm.weight", width);
  }
  shapes.set("model.norm.weight", [width]);
  if (!config.tied) shapes.set("lm_head.weight", [vocabulary, width]);
  return shapes;
}
