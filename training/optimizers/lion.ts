/**
 * Lion, of Chen and others (arXiv 2302.06675): every weight moves by the learning rate, up or down.
 *
 *     w −= lr · (sign(β1·m + (1 − β1)·g) + wd·w)
 *     m  = β2·m + (1 − β2)·g
 *
 * Its steps are larger than those of AdamW, so it wants a learning rate 3 to 10 times smaller and a
 * weight decay as many times larger.
 */
import type { Optimizer } from "./optimizer.ts";

export const lion: Optimizer = {
  name: "lion",
  doc: "the sign of a mean of the gradient",
  moments: ["lion.m"],
  kernel: "lion",
  scalars: ({ lr, wd, beta1, beta2, scale }) => [lr, beta1, beta2, wd, scale],
  scalarCount: 5,
  settings: { lr: 1e-4, wd: 0.4, beta2: 0.99 },
};
