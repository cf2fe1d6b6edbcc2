/**
 * The error of a product of small numbers, which for fixed-point sums is 2^-16/√12 for each of them:
 * 4.4e-6 / (σx·σw) of the result, whatever the number of terms.
 */

import { roundToHalf } from "../../support/half.ts";
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, run } from "./steps.ts";

const [M, K, N] = [16, 512, 32];
/** Spread of uniform numbers of ±1/16: (1/16)/√3. */
const SIGMA = 1 / 16 / Math.sqrt(3);
const LAW = 4.4e-6 / (SIGMA * SIGMA);

/** Numbers in ±1/16 with all bits of fp16 in use; the same on every machine. */
function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return filled(count, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return roundToHalf((state / 2 ** 31 - 1) / 16);
  });
}

const x = { name: "x", shape: [1, 1, M, K], values: noise(M * K, 1) };
const w = { name: "w", shape: [1, 1, K, N], values: noise(K * N, 2) };

/** ‖y − x·w‖ / ‖x·w‖ */
function relativeError(y: ArrayLike<number>): number {
  let [off, all] = [0, 0];
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let exact = 0;
      for (let k = 0; k < K; k++) exact += x.values[m * K + k]! * w.values[k * N + n]!;
      off += (y[m * N + n]! - exact) ** 2;
      all += exact ** 2;
    }
  }
  return Math.sqrt(off / all);
}

const FIXED = "as fixed point";
const WIDE = "as fp16 results of wide sums";

export const errorLaw = defineProbe({
  name: "error_law",
  asks: "Is the error of a product of small numbers that of fixed-point sums?",
  steps: () => [run("product", [w, x], (b) => b.matmul(b.input("x"), b.input("w")))],
  claims: [
    factClaim("error_law", {
      holds: FIXED,
      otherwise: WIDE,
      needs: ["product"],
      read: (o) => {
        const error = relativeError(outputOf(o, "product"));
        const share = error / LAW;
        // fp16 results of wide sums are off by 2e-4 or so, a fourteenth of the law here.
        const answer = share > 0.7 && share < 1.6 ? FIXED : share < 0.3 ? WIDE : undefined;
        return reading(answer, { error, law: LAW });
      },
    }),
  ],
});
