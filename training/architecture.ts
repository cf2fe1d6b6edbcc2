/**
 * Transformers of the known families as text of the language.
 *
 *     dims S = 256, D = 576, H = 9, K = 3, E = 64, F = 1536, V = 49152, L = 30
 *     set rope_theta = 100000, norm_eps = 0.00001, residual_scale = 1
 *
 *     model smollm2(tokens: i32[S]) -> [S, V] {
 *       x = embed(tokens)
 *       repeat L { x = block(x) }
 *       return rms_norm#norm(x) @ embed.weight'
 *     }
 *
 * and which parameter of it is which tensor of `formats/weights.ts`.
 */
import type { SourceFile } from "../compiler/support/source.ts";
import { builtIns, dimensionFunctions, format, hyperParameters } from "../dsl/index.ts";
import {
  expectedTensors,
  type Family,
  hasBias,
  hasQkNorm,
  type TransformerConfig,
} from "../formats/weights.ts";

/** Which elements of a head the rotary embedding turns together: see compiler/ops/rope.ts. */
export type Pairing = "interleaved" | "split";

export interface ArchitectureOptions {
  /** Tokens of a window. */
  readonly S: number;
  /** Default: interleaved, as all models that come with anec. */
  readonly pairing?: Pairing;
  /** Lines above the model, without the slashes. */
  readonly comment?: readonly string[];
}

/** The library layer that a family's blocks are calls of. */
export const BLOCK_OF: Readonly<Record<Family, string>> = {
  llama: "block",
  qwen2: "block_qkv_bias",
  qwen3: "block_qk_norm",
};

/** The name of the classifier of a model that is not tied. */
const HEAD = "head";

/** A name from a file may have line breaks in it, behind which it would be source. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

/** A model and a `train`, both called `name`, in canonical layout. */
export function architectureSource(
  name: string,
  config: TransformerConfig,
  { S, pairing = "interleaved", comment = [] }: ArchitectureOptions,
): SourceFile {
  const { layers, width, heads, kvHeads, headSize, hidden, vocabulary, tied } = config;
  const dims = {
    S,
    D: width,
    H: heads,
    K: kvHeads,
    E: headSize,
    F: hidden,
    V: vocabulary,
    L: layers,
  };
  const hyper = {
    rope_theta: config.ropeTheta,
    ...(pairing === "split" ? { rope_split: 1 } : {}),
    norm_eps: config.normEps,
    residual_scale: config.residualScale,
  };
  const list = (numbers: Readonly<Record<string, number>>): string =>
    Object.entries(numbers)
      .map(([key, value]) => `${key} = ${value}`)
      .join(", ");
  const text = `${comment.map((line) => `/// ${oneLine(line)}\n`).join("")}dims ${list(dims)}
set ${list(hyper)}

model ${name}(tokens: i32[S]) -> [S, V] {
${tied ? "" : `  param ${HEAD}: [V, D] init uniform(embed_scale)\n`}  x = embed(tokens)
  repeat L { x = ${BLOCK_OF[config.family]}(x) }
  return rms_norm#norm(x) @ ${tied ? "embed.weight" : HEAD}'
}

train ${name}(tokens: i32[S], targets: i32[S]) {
  loss cross_entropy(${name}(tokens), targets)
}
`;
  const path = `${name}.ane`;
  return { path, text: format({ path, text }) };
}

/** Words that a model cannot be called. */
const TAKEN: ReadonlySet<string> = new Set([
  ...["dims", "set", "layer", "model", "train", "param", "init", "repeat", "return", "loss", "as"],
  ...["attention", "attention_qk_norm", "attention_qkv_bias", "block", "block_qk_norm"],
  ...["block_qkv_bias", "embed", "rms_norm", "swiglu", "op", "tokens", "targets", "x", HEAD],
  ...[...builtIns.keys(), ...dimensionFunctions.keys(), ...hyperParameters.map((h) => h.name)],
]);

/** A name of the language that resembles a name of a file: `SmolLM2-135M` is `smollm2_135m`. */
export function identifierOf(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 60);
  const word = /^[a-z]/.test(plain) ? plain : `model_${plain}`.replace(/_$/, "");
  return TAKEN.has(word) || word === "model" ? `${word}_model` : word;
}

/** A parameter of the model and the tensor it is. */
export interface Correspondence {
  readonly param: string;
  readonly tensor: string;
  /** The shape of the tensor, [outputs, inputs]. */
  readonly shape: readonly number[];
  /** Whether the parameter is the transpose. */
  readonly isTransposed: boolean;
  /** Whether its rows, or elements, follow the pairs of the rotary embedding. */
  readonly isRotary: boolean;
}

const PARAM_OF: Readonly<Record<string, string>> = {
  "self_attn.q_proj.weight": "attn.wq",
  "self_attn.q_proj.bias": "attn.bq",
  "self_attn.k_proj.weight": "attn.wk",
  "self_attn.k_proj.bias": "attn.bk",
  "self_attn.v_proj.weight": "attn.wv",
  "self_attn.v_proj.bias": "attn.bv",
  "self_attn.o_proj.weight": "attn.wo",
  "self_attn.q_norm.weight": "attn.q_norm.weight",
  "self_attn.k_norm.weight": "attn.k_norm.weight",
  "mlp.gate_proj.weight": "ffn.w1",
  "mlp.down_proj.weight": "ffn.w2",
  "mlp.up_proj.weight": "ffn.w3",
  "input_layernorm.weight": "attn_norm.weight",
  "post_attention_layernorm.weight": "ffn_norm.weight",
};

/** Every parameter of a model of this configuration, with its tensor. */
export function correspondences(config: TransformerConfig): Correspondence[] {
  const block = BLOCK_OF[config.family];
  return [...expectedTensors(config)].map(([tensor, shape]) => {
    const inLayer = /^model\.layers\.(\d+)\.(.*)$/.exec(tensor);
    const rest = inLayer?.[2] ?? "";
    const param = inLayer === null ? OUTSIDE[tensor]! : `${block}.${inLayer[1]}.${PARAM_OF[rest]!}`;
    return {
      ...{ param, tensor, shape },
      isTransposed: rest.endsWith("_proj.weight"),
      isRotary: /^self_attn\.[qk]_(proj|norm)\./.test(rest),
    };
  });
}

const OUTSIDE: Readonly<Record<string, string>> = {
  "model.embed_tokens.weight": "embed.weight",
  "model.norm.weight": "norm.weight",
  "lm_head.weight": HEAD,
};

/** The family whose blocks these parameters are those of. */
export function familyOfParams(paths: readonly string[]): Family | undefined {
  const block = /^(\w+)\.\d+\.attn\.wq$/.exec(paths.find((p) => p.endsWith(".attn.wq")) ?? "")?.[1];
  return (Object.keys(BLOCK_OF) as Family[]).find(
    (family) =>
      BLOCK_OF[family] === block &&
      hasBias(family) === paths.some((p) => p.endsWith(".attn.bq")) &&
      hasQkNorm(family) === paths.some((p) => p.endsWith(".attn.q_norm.weight")),
  );
}
