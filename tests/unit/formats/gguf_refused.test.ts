/** Models in GGUF files that we do not have, or that contradict themselves: each refused by name. */
import { expect, test } from "vitest";
import { parseGguf } from "../../../formats/gguf.ts";
import { type GgufTensor, parseGgufParts } from "../../../formats/gguf_parse.ts";
import type { GgufValue } from "../../../formats/gguf_types.ts";
import type { TransformerConfig } from "../../../formats/weights.ts";
import { randomWeights, smallConfig } from "../../support/random_weights.ts";
import { bytesOf, bytesOfParts, errorIn, expectSameTensors } from "./gguf_support.ts";

type Change = (values: Map<string, GgufValue>, tensors: Map<string, GgufTensor>) => void;

const set =
  (key: string, value: GgufValue["type"], v: unknown): Change =>
  (values) => {
    values.set(key, { type: value, value: v } as GgufValue);
  };
const drop =
  (key: string): Change =>
  (values, tensors) => {
    values.delete(key);
    tensors.delete(key);
  };
const add =
  (name: string, shape: readonly number[]): Change =>
  (_, tensors) => {
    const count = shape.reduce((a, b) => a * b, 1);
    tensors.set(name, { type: "F32", shape, data: new Uint8Array(4 * count) });
  };

const refusals: readonly [string, Change, string][] = [
  [
    "architecture",
    set("general.architecture", "string", "qwen"),
    "E0795 `x` holds a model of architecture `qwen`, which anec does not have",
  ],
  [
    "no architecture",
    drop("general.architecture"),
    "E0794 `x`: `general.architecture` is missing or no text",
  ],
  ["no layers", drop("llama.block_count"), "E0794 `x`: `llama.block_count` is missing"],
  [
    "layers as text",
    set("llama.block_count", "string", "2"),
    "E0794 `x`: `llama.block_count` is 2, and not a whole number from 1 to 16777216",
  ],
  [
    "layers without tensors",
    set("llama.block_count", "u64", 2n ** 24n),
    "E0797 `x` has no tensor `blk.2.attn_norm.weight`",
  ],
  [
    "absurd layers",
    set("llama.block_count", "u64", 2n ** 60n),
    "E0794 `x`: `llama.block_count` is 1152921504606846976, and not a whole number from 1 to 16777216",
  ],
  [
    "no epsilon",
    drop("llama.attention.layer_norm_rms_epsilon"),
    "E0794 `x`: `llama.attention.layer_norm_rms_epsilon` is missing",
  ],
  [
    "partial rotation",
    set("llama.rope.dimension_count", "u32", 8),
    "E0794 `x`: `llama.rope.dimension_count` is 8, but a head has 16",
  ],
  [
    "other values",
    set("llama.attention.value_length", "u32", 8),
    "E0794 `x`: `llama.attention.value_length` is 8, but a head has 16",
  ],
  [
    "groups",
    set("llama.attention.head_count", "u32", 5),
    "E0794 `x`: `llama.attention.head_count` is 5, no multiple of 2 key heads",
  ],
  [
    "rope scaling",
    set("llama.rope.scaling.type", "string", "yarn"),
    "E0796 `x` holds the key `llama.rope.scaling.type`: scaled rotary embeddings (yarn)",
  ],
  [
    "rope factor",
    set("llama.rope.scaling.original_context_length", "u32", 8192),
    "E0796 `x` holds the key `llama.rope.scaling.original_context_length`: scaled rotary embeddings (8192)",
  ],
  [
    "sliding window",
    set("llama.attention.sliding_window", "u32", 64),
    "E0796 `x` holds the key `llama.attention.sliding_window`: attention in a sliding window (64)",
  ],
  [
    "experts",
    set("llama.expert_count", "u32", 8),
    "E0796 `x` holds the key `llama.expert_count`: a mixture of experts (8)",
  ],
  [
    "unknown key",
    set("llama.new_thing", "f32", 2),
    "E0796 `x` holds the key `llama.new_thing`: it is not known what it changes (2)",
  ],
  [
    "bias",
    add("blk.1.attn_q.bias", [64]),
    "E0796 `x` holds the tensor `blk.1.attn_q.bias`: it is a bias that models of the family llama do not have",
  ],
  [
    "head norms",
    add("blk.1.attn_q_norm.weight", [16]),
    "E0796 `x` holds the tensor `blk.1.attn_q_norm.weight`: it normalises heads, which models of the family llama do not do",
  ],
  [
    "expert tensors",
    add("blk.0.ffn_gate_exps.weight", [8, 2]),
    "E0796 `x` holds the tensor `blk.0.ffn_gate_exps.weight`: it belongs to a mixture of experts",
  ],
  [
    "frequencies",
    add("rope_freqs.weight", [8]),
    "E0796 `x` holds the tensor `rope_freqs.weight`: it scales the rotary embedding",
  ],
  [
    "a layer too many",
    add("blk.2.attn_norm.weight", [32]),
    "E0796 `x` holds the tensor `blk.2.attn_norm.weight`: models of the family llama have no such tensor",
  ],
  [
    "a tensor too few",
    drop("blk.1.ffn_up.weight"),
    "E0797 `x` has no tensor `blk.1.ffn_up.weight`",
  ],
  [
    "another shape",
    set("llama.feed_forward_length", "u32", 65),
    "E0797 `x`: tensor `blk.0.ffn_gate.weight` is [64, 32], and [65, 32] by the header",
  ],
  [
    "another vocabulary",
    set("llama.vocab_size", "u32", 95),
    "E0797 `x`: tensor `token_embd.weight` is [96, 32], and [95, 32] by the header",
  ],
];

function changed(change: Change): Uint8Array {
  const { values, tensors } = parseGgufParts(bytesOf(randomWeights(smallConfig)), "x");
  const [v, t] = [new Map(values), new Map(tensors)];
  change(v, t);
  return bytesOfParts(v, t);
}

test.each(refusals)("refused by name: %s", (_, change, expected) => {
  expect(errorIn(() => parseGguf(changed(change), "x"))).toBe(expected);
});

test.each([
  ["scaling that is off", set("llama.rope.scaling.type", "string", "none")],
  ["no experts", set("llama.expert_count", "u32", 0)],
  ["no vocabulary size", drop("llama.vocab_size")],
  ["no key heads where all heads are", drop("llama.attention.value_length")],
  ["sizes of 64 bits", set("llama.block_count", "u64", 2n)],
  ["keys of other parts", set("tokenizer.chat_template", "string", "{{x}}")],
] as const)("read all the same: %s", (_, change) => {
  expectSameTensors(parseGguf(changed(change), "x"), randomWeights(smallConfig));
});

test("the rotary base is 10000 and heads share the width where the header does not say", () => {
  const square: TransformerConfig = { ...smallConfig, headSize: 8 };
  const { values, tensors } = parseGgufParts(bytesOf(randomWeights(square)), "x");
  const few = new Map(
    [...values].filter(([key]) => !/rope|key_length|value_length|vocab_size/.test(key)),
  );
  expect(parseGguf(bytesOfParts(few, tensors), "x").config).toEqual(square);
});
