import { elementwise, type Unary } from "./elementwise.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { square } from "./square.ts";

/**
 * The error function, 2/√π · ∫₀ˣ e^(−t²) dt. The Maclaurin series is used below 3 and the continued
 * fraction of erfc above; both give full double precision there (Abramowitz & Stegun 7.1.5, 7.1.14).
 */
export function erfOf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
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
