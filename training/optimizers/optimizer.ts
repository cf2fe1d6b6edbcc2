/** What an optimizer is: its state, its kernel, and the numbers that it gives to it. */
import type { TrainSettings } from "../options.ts";

/** What differs from update to update, and from group to group of parameters. */
export interface UpdateNumbers {
  /** Learning rate of the group. */
  readonly lr: number;
  /** Weight decay of the group. */
  readonly wd: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Number of the update, from 1. */
  readonly t: number;
  /** Factor of the sum of the gradients: the mean, clipped, without the scale of the loss. */
  readonly scale: number;
}

export interface Optimizer {
  /** As on the command line. */
  readonly name: string;
  /** The equations, in words. */
  readonly doc: string;
  /** Tensors as large as the parameters that are kept between updates, by what their names begin with. */
  readonly moments: readonly string[];
  /** Host kernel: weights, gradient, the moments, `scalars`. */
  readonly kernel: string;
  /** What the kernel reads, in order: runtime-native/kernels/README.md. */
  readonly scalars: (numbers: UpdateNumbers) => readonly number[];
  /** How many numbers those are. */
  readonly scalarCount: number;
  /** Settings that suit it, unless others are given. */
  readonly settings: Partial<TrainSettings>;
}
