/**
 * AdamW, of Loshchilov and Hutter (arXiv 1711.05101): Adam whose weight decay is apart from the gradient.
 *
 *     m = β1·m + (1 − β1)·g          v = β2·v + (1 − β2)·g²
 *     w −= lr · (m / (1 − β1^t) / (sqrt(v / (1 − β2^t)) + ε) + wd·w)
 */
import type { Optimizer } from "./optimizer.ts";

/** Added to the root of the second moment. */
export const ADAM_EPS = 1e-8;

export const adamw: Optimizer = {
  name: "adamw",
  doc: "means of the gradient and its square, with decay apart from them",
  moments: ["adam.m", "adam.v"],
  kernel: "adamw",
  scalars: ({ lr, wd, beta1, beta2, t, scale }) => [
    ...[lr, beta1, beta2, ADAM_EPS, wd],
    ...[1 - beta1 ** t, 1 - beta2 ** t, scale],
  ],
  scalarCount: 8,
  settings: {},
};
