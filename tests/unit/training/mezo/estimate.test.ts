/** What a step makes of its losses. */
import { expect, test } from "vitest";
import { deviation, probeWeights, projectedGradient } from "../../../../training/mezo/estimate.ts";
import { perturb } from "../../../../training/mezo/perturb.ts";

/** Signs of one draw. */
function signs(n: number, key: number): Float32Array {
  const z = new Float32Array(n);
  perturb(z, BigInt(key), 3, { add: 1, more: 0, grid: 0 });
  return z;
}

test("the estimate of a quadratic's gradient is unbiased, within what its variance allows", () => {
  // f(x) = ½ xᵀ A x − bᵀx in 12 dimensions; the central difference is exact: g = z · (∇f · z).
  const n = 12;
  const a = (i: number, j: number) => (i === j ? 2 + i : Math.cos(i + j) / 2);
  const x = Array.from({ length: n }, (_, i) => Math.sin(1 + i));
  const f = (at: readonly number[]) =>
    at.reduce(
      (sum, xi, i) => sum + xi * (0.5 * at.reduce((s, xj, j) => s + a(i, j) * xj, 0) - 0.1 * i),
      0,
    );
  const gradient = x.map((_, i) => x.reduce((s, xj, j) => s + a(i, j) * xj, 0) - 0.1 * i);
  const norm2 = gradient.reduce((s, g) => s + g * g, 0);
  const [draws, epsilon] = [20_000, 2 ** -10];
  const sums = new Float64Array(n);
  for (let k = 0; k < draws; k++) {
    const z = signs(n, k);
    const at = (sign: number) => f(x.map((xi, i) => xi + sign * epsilon * z[i]!));
    const g = projectedGradient(at(1), at(-1), epsilon);
    for (let i = 0; i < n; i++) sums[i] = sums[i]! + g * z[i]!;
  }
  for (const [i, g] of gradient.entries()) {
    // Var(g_i) = Σ_{j≠i} ∇f_j²; five deviations of the mean of all draws.
    const bound = 5 * Math.sqrt((norm2 - g * g) / draws);
    expect(Math.abs(sums[i]! / draws - g)).toBeLessThan(bound);
  }
});

test("signs are as often plus as minus, on every bit of a word and between neighbours", () => {
  const n = 64;
  const draws = 4000;
  const [sums, neighbours] = [new Float64Array(n), new Float64Array(n)];
  for (let key = 0; key < draws; key++) {
    const z = signs(n, key);
    for (let i = 0; i < n; i++) {
      sums[i] = sums[i]! + z[i]!;
      neighbours[i] = neighbours[i]! + z[i]! * z[(i + 1) % n]!;
    }
  }
  for (const sum of [...sums, ...neighbours]) {
    expect(Math.abs(sum)).toBeLessThan(5 * Math.sqrt(draws));
  }
});

test("a probe's weight is its difference in deviations, shared by all of them", () => {
  const losses = [2.1, 1.8, 2.4];
  const sigma = deviation([2, ...losses]);
  expect(sigma).toBeCloseTo(0.25, 12);
  expect(probeWeights(2, losses)).toEqual(losses.map((l) => (l - 2) / sigma / 3));
  const scaled = probeWeights(
    20,
    losses.map((l) => 10 * l),
  );
  for (const [k, w] of probeWeights(2, losses).entries()) expect(scaled[k]).toBeCloseTo(w, 12);
  expect(probeWeights(2, losses, 1e-3)[1]).toBeCloseTo(-0.2 / 1e-3 / 3, 9);
  expect(probeWeights(2, [2, 2])).toEqual([0, 0]);
});
