/** Comparing tensors. */
import type { Tensor } from "../../compiler/ops/tensor.ts";

/** The largest |a − b| / (1 + |b|), NaN and infinities equal to themselves. */
export function worstError(a: Tensor, b: Tensor): number {
  if (a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [i, x] of a.data.entries()) {
    const y = b.data[i]!;
    if (Object.is(x, y) || x === y) continue;
    const error = Math.abs(x - y) / (1 + Math.abs(y));
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return worst;
}

/** √(Σ(a−b)²) / √(Σb²): how far two tensors are apart as wholes. */
export function relativeDistance(a: Tensor, b: Tensor): number {
  let [difference, size] = [0, 0];
  for (const [i, x] of a.data.entries()) {
    difference += (x - b.data[i]!) ** 2;
    size += b.data[i]! ** 2;
  }
  return Math.sqrt(difference) / (Math.sqrt(size) || 1);
}

/** √(Σ(a−b)²) */
export function distance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0));
}
