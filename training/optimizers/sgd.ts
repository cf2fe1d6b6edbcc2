/**
 * Gradient descent with momentum, and weight decay apart from the gradient.
 *
 *     m  = β1·m + g
 *     w −= lr · (m + wd·w)
 */
import type { Optimizer } from "./optimizer.ts";

export const sgd: Optimizer = {
  name: "sgd",
  doc: "the gradient with momentum, which is β1",
  moments: ["sgd.m"],
  kernel: "sgd",
  scalars: ({ lr, wd, beta1, scale }) => [lr, beta1, wd, scale],
  scalarCount: 4,
  settings: { lr: 0.1, wd: 0 },
};
