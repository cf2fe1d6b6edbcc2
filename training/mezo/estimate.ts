/**
 * What a step does with the losses that it saw: the way that each direction is gone.
 *
 *     mezo   g = (L₊ − L₋) / 2ε                     θ ← θ − lr · g · z
 *     fzoo   σ = deviation of L₀, L₁ … L_K          θ ← θ − lr / K · Σ_k (L_k − L₀) / σ · z_k
 *
 * FZOO's step does not depend on the size of the losses' differences: lr is how far each parameter goes. AutoANE's
 * prints σ and does not use it: with `--compat autoane` ε stands in its place.
 */

/** Central difference of two losses along a direction. */
export function projectedGradient(plus: number, minus: number, epsilon: number): number {
  return (plus - minus) / (2 * epsilon);
}

/** The deviation of a list of numbers from their mean, with one degree of freedom less than numbers. */
export function deviation(numbers: readonly number[]): number {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const squares = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, numbers.length - 1));
}

/** How far each direction is gone, for a rate of 1; zeros if all losses are the same. */
export function probeWeights(base: number, losses: readonly number[], unit?: number): number[] {
  const sigma = unit ?? deviation([base, ...losses]);
  return losses.map((loss) => (sigma === 0 ? 0 : (loss - base) / sigma / losses.length));
}
