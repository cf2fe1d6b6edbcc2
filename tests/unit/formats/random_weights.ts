/** Random weights of a configuration, for tests. */
import { fromFloat32, type Tensor } from "../../../formats/tensor.ts";
import {
  expectedTensors,
  type TokenizerData,
  type TransformerConfig,
  type WeightSet,
} from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";

/** A Llama of a few thousand parameters. */
export const smallConfig: TransformerConfig = {
  family: "llama",
  ...{ layers: 2, width: 16, heads: 4, kvHeads: 2, headSize: 4, hidden: 24 },
  ...{ vocabulary: 430, context: 64, ropeTheta: 10000, normEps: 1e-5, residualScale: 1 },
  tied: true,
};

/** Norms are near 1, everything else near 0. */
export function randomWeights(
  config: TransformerConfig,
  seed: number,
  tokenizer: TokenizerData | null = null,
): WeightSet {
  const random = createRandom(seed);
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of expectedTensors(config)) {
    const values = new Float32Array(shape.reduce((n, d) => n * d, 1));
    random.fillUniform(values, 0.3);
    if (name.includes("norm")) for (let i = 0; i < values.length; i++) values[i] = 1 + values[i]!;
    tensors.set(name, fromFloat32(shape, values));
  }
  return { name: "small", config, tensors, tokenizer, training: null, optimizer: null };
}
