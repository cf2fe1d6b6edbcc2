/** Subnormal numbers in elementwise ops and in products. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, rows, run } from "./steps.ts";

const W = 32;
const TINY = 2 ** -24;
const x = { name: "x", shape: [1, 1, 1, W], values: rows([[TINY]], W) };

export const smallFactors = defineProbe({
  name: "small_factors",
  asks: "Are subnormal numbers kept by elementwise ops and lost in products?",
  steps: () => [
    run("sum", [{ name: "a", shape: [1, 1, 1, W], values: filled(W, () => 0) }, x], (b) =>
      b.add(b.input("x"), b.input("a")),
    ),
    run("product", [{ name: "w", shape: [1, 1, W, W], values: filled(W * W, () => 1) }, x], (b) =>
      b.matmul(b.input("x"), b.input("w")),
    ),
  ],
  claims: [
    factClaim("small_factors", {
      holds: "lost in products",
      otherwise: "kept in both",
      needs: ["sum", "product"],
      read: (o) =>
        matching(
          { sum: outputOf(o, "sum")[0]!, product: outputOf(o, "product")[0]! },
          { "lost in products": [TINY, 0], "kept in both": [TINY, TINY] },
        ),
    }),
  ],
});
