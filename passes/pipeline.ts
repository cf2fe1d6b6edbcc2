/** The passes of each target, in order. */
import { foldNormWeights } from "./ane/fold_norm_weights.ts";
import { batch, batchBy } from "./batch.ts";
import { decomposeForHost, decomposeForMil } from "./decompose.ts";
import { differentiate } from "./differentiate.ts";
import { foldTransposes } from "./fold_transposes.ts";
import { fuseAttention } from "./fuse_attention.ts";
import { fuseSwiglu } from "./fuse_swiglu.ts";
import type { Pass } from "./pass.ts";
import { recompute } from "./recompute.ts";
import { repeatActivations } from "./repeat_activations.ts";
import { simplify } from "./simplify.ts";
import { splitFactors } from "./split_factors.ts";
import { tileClassifier } from "./tile_classifier.ts";

/** What every target starts with: a small graph in which the composite ops stand whole. */
const front: readonly Pass[] = [simplify, foldTransposes, fuseAttention, fuseSwiglu];

/** What follows for loss and gradients on the `cpu` target. */
const back: readonly Pass[] = [
  differentiate,
  simplify,
  foldTransposes,
  decomposeForHost,
  repeatActivations,
];

export type PipelineName = "infer" | "train" | "ane" | "ane_train" | "ane_hybrid";

export const pipelines: Readonly<Record<PipelineName, readonly Pass[]>> = {
  /** `cpu`, forward only. */
  infer: [...front, decomposeForHost],
  /** `cpu`, loss and gradients. */
  train: [...front, ...back],
  /** `ane`, forward only. Programs are cut from it, and lowered one by one (`passes/ane`). */
  ane: [simplify, foldTransposes, foldNormWeights, fuseAttention, fuseSwiglu],
  /** `ane`, loss and gradients. */
  ane_train: [
    simplify,
    foldTransposes,
    foldNormWeights,
    fuseAttention,
    fuseSwiglu,
    differentiate,
    simplify,
    foldTransposes,
  ],
  /** `ane` where the host normalises: norm weights stay where they are. */
  ane_hybrid: [...front, differentiate, simplify, foldTransposes],
};

export interface TrainPipeline {
  /** Windows computed at once: their losses, and the gradients of the sum. Default: 1. */
  readonly windows?: number;
  /** Compute cheap values again for the gradients. Default: keep them. */
  readonly recompute?: boolean;
}

/** `cpu`, loss and gradients, with choices. */
export function trainPipeline(choice: TrainPipeline = {}): readonly Pass[] {
  const { windows = 1, recompute: isRepeated = false } = choice;
  const forward = windows === 1 ? front : [...front, batchBy(windows)];
  return isRepeated ? [...forward, ...back, recompute] : [...forward, ...back];
}

/** Every pass once, for `anec passes` and the conformance tests. */
export const passes: readonly Pass[] = [
  simplify,
  foldTransposes,
  foldNormWeights,
  fuseAttention,
  fuseSwiglu,
  batch,
  differentiate,
  tileClassifier,
  decomposeForHost,
  decomposeForMil,
  splitFactors,
  repeatActivations,
  recompute,
];
