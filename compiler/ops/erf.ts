import { elementwise, type Unary } from "./elementwise.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { square } from "./square.ts";

/**
 * The error function, 2/√π · ∫₀ˣ e^(−t²) dt, to full double precision: below 3 a series whose terms
 * all have one sign, above it the continued fraction of erfc (Abramowitz & Stegun 7.1.6, 7.1.14).
 */
export function erfOf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  const scale = Math.exp(-a * a) / Math.sqrt(Math.PI);
  if (a < 3) {
    // 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1))
    let term = x;
    let sum = 0;
    for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
      sum += term;
      term *= (2 * x * x) / (2 * n + 1);
    }
    return 2 * scale * sum;
  }
  // 1 − e^(−a²)/√π · 1/(a + (1/2)/(a + (2/2)/(a + …)))
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - scale / fraction);
}

/** The error function. */
export const erf: Unary = elementwise("erf", {
  doc: "the error function",
  eval: erfOf,
  // d/dx erf x = 2/√π · e^(−x²).
  grad: (x, _y, dy) => mul(dy, mul(exp(mul(square(x), -1)), 2 / Math.sqrt(Math.PI))),
  flops: 12,
  domain: [-2.5, 2.5],
  mil: (m, [x]) => m.call("erf", { x: x! }),
});
