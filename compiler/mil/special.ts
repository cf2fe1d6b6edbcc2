/** Functions that JavaScript's `Math` lacks. */

/** erf by its series below 3 (all terms of one sign), by its continued fraction above. */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (Number.isNaN(x) || t > 6) return Number.isNaN(x) ? x : Math.sign(x);
  const scale = Math.exp(-t * t) / Math.sqrt(Math.PI);
  let value: number;
  if (t < 3) {
    // 2/√π · exp(−t²) · Σ 2ⁿ t²ⁿ⁺¹ / (1·3·…·(2n+1))
    let term = t;
    value = 0;
    for (let n = 1; term > value * 1e-17; n++) {
      value += term;
      term *= (2 * t * t) / (2 * n + 1);
    }
    value *= 2 * scale;
  } else {
    // 1 − exp(−t²)/√π · 1/(t + (1/2)/(t + (2/2)/(t + …)))
    let fraction = t;
    for (let n = 60; n >= 1; n--) fraction = t + n / 2 / fraction;
    value = 1 - scale / fraction;
  }
  return x < 0 ? -value : value;
}

/** 1 / (1 + e⁻ˣ) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** ln(1 + eˣ), without overflow for large x. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** The nearest whole number; halves go to the even one, as numpy and IEEE 754 round. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The nearest whole number; halves go away from zero, as the engine rounds. */
export function roundHalfAway(x: number): number {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}
