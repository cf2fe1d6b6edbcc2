import { greater } from "./greater.ts";
import { mul } from "./mul.ts";
import { keptShape, type Reduction, reduction } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { sub } from "./sub.ts";

/** Largest element over axes; every element that attains it gets the gradient. */
export const reduceMax: Reduction = reduction("reduce_max", {
  doc: "largest element over `axes`",
  initial: Number.NEGATIVE_INFINITY,
  step: Math.max,
  finish: (max) => max,
  vjp: (x, y, dy) => {
    const isBelow = greater(reshape(y, keptShape(x, y)), x);
    return mul(sub(1, isBelow), reshape(dy, keptShape(x, y)));
  },
  mil: "reduce_max",
  host: 1,
});
