/** Models with random weights, in the neutral form that every format is read into. */
import { fromFloat32, type Tensor } from "../../formats/tensor.ts";
import { expectedTensors, type TransformerConfig, type WeightSet } from "../../formats/weights.ts";
import { createRandom } from "../../training/random.ts";

/** A small Llama with grouped queries, whose heads are together wider than the model. */
export const smallConfig: TransformerConfig = {
  family: "llama",
  layers: 2,
  width: 32,
  heads: 4,
  kvHeads: 2,
  headSize: 16,
  hidden: 64,
  vocabulary: 96,
  context: 128,
  ropeTheta: 10000,
  normEps: 1e-5,
  residualScale: 1,
  tied: true,
};

export interface RandomWeightsOptions {
  readonly seed?: number;
  readonly name?: string;
}

/**
 * Weights that keep the size of what they are applied to, and an embedding that is small beside what the
 * layers add to it: the likeliest next token depends on all of the text, and leads by far.
 */
export function randomWeights(
  config: TransformerConfig,
  { seed = 1, name = "random" }: RandomWeightsOptions = {},
): WeightSet {
  const random = createRandom(seed);
  const draw = (count: number, middle: number, size: number): Float32Array =>
    Float32Array.from({ length: count }, () => middle + size * (2 * random.drand48() - 1));
  const tensors = new Map<string, Tensor>();
  for (const [key, shape] of expectedTensors(config)) {
    const count = shape.reduce((a, b) => a * b, 1);
    const [middle, size] = rangeOf(key, shape);
    tensors.set(key, fromFloat32(shape, draw(count, middle, size)));
  }
  return { name, config, tensors, tokenizer: null, training: null, optimizer: null };
}

/** The middle of the values of a tensor, and how far they lie from it. */
function rangeOf(key: string, shape: readonly number[]): readonly [number, number] {
  if (key.endsWith(".bias")) return [0, 0.5];
  if (key === "model.norm.weight") return [6, 2];
  if (shape.length === 1) return [1, 0.5];
  return [0, /embed_tokens|lm_head/.test(key) ? 0.4 : Math.sqrt(6 / shape[1]!)];
}
