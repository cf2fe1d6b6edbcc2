/**
 * Weights of the same function without a residual scale.
 *
 *     x + s · (y @ wo)  =  x + y @ (s · wo)
 *
 * Formats of other programs have no such factor, so it goes into the last matrix of each half of a
 * block: o_proj and down_proj. Rounded once, to f32.
 */
import { fromFloat32, madeTensor, type Tensor, toFloat32 } from "./tensor.ts";
import type { WeightSet } from "./weights.ts";

const FOLDED = /\.(self_attn\.o_proj|mlp\.down_proj)\.weight$/;

/** The same weights if their residual scale is 1. The state of an optimizer does not fit any more and goes. */
export function foldResidualScale(weights: WeightSet): WeightSet {
  const { config } = weights;
  const scale = config.residualScale;
  if (scale === 1) return weights;
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of weights.tensors) {
    const scaled = (): Tensor =>
      fromFloat32(
        tensor.shape,
        toFloat32(tensor).map((w) => w * scale),
      );
    tensors.set(name, FOLDED.test(name) ? madeTensor("F32", tensor.shape, scaled) : tensor);
  }
  return { ...weights, config: { ...config, residualScale: 1 }, tensors, optimizer: null };
}
