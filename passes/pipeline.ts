/** The passes of each target, in order. */
import { decomposeForHost, decomposeForMil } from "./decompose.ts";
import { differentiate } from "./differentiate.ts";
import { foldTransposes } from "./fold_transposes.ts";
import { fuseAttention } from "./fuse_attention.ts";
import { fuseSwiglu } from "./fuse_swiglu.ts";
import type { Pass } from "./pass.ts";
import { simplify } from "./simplify.ts";
import { splitFactors } from "./split_factors.ts";

/** What every target starts with: a small graph in which the composite ops stand whole. */
const front: readonly Pass[] = [simplify, foldTransposes, fuseAttention, fuseSwiglu];

export type PipelineName = "infer" | "train" | "mil" | "mil_train";

export const pipelines: Readonly<Record<PipelineName, readonly Pass[]>> = {
  /** `cpu`, forward only. */
  infer: [...front, decomposeForHost],
  /** `cpu`, loss and gradients. */
  train: [...front, differentiate, simplify, foldTransposes, decomposeForHost],
  /** `ane`, forward only: ops that MIL has, and the host's share. */
  mil: [...front, decomposeForMil, simplify, splitFactors],
  /** `ane`, loss and gradients. */
  mil_train: [
    ...front,
    differentiate,
    simplify,
    foldTransposes,
    decomposeForMil,
    simplify,
    splitFactors,
  ],
};

/** Every pass once, for `anec passes` and the conformance tests. */
export const passes: readonly Pass[] = [
  simplify,
  foldTransposes,
  fuseAttention,
  fuseSwiglu,
  differentiate,
  decomposeForHost,
  decomposeForMil,
  splitFactors,
];
