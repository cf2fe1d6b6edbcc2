/**
 * Which roles share a program: the fusions of `anec compile --fusion`.
 *
 * A scheme is data. What is not named runs on the host. Each entry is a program of a layer, in the order
 * of execution, with the roles it takes; programs with the same work in every layer become one.
 */
import type { Node } from "../../compiler/ir/node.ts";
import type { Role } from "./roles.ts";

export type Fusion = "none" | "pairs" | "layer" | "auto";

export interface ProgramPlan {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Every node of these roles is a program of its own. */
  readonly each?: boolean;
  /** What to make of it where it does not fit the engine. */
  readonly halves?: readonly ProgramPlan[];
}

export interface Scheme {
  readonly name: string;
  readonly doc: string;
  readonly programs: readonly ProgramPlan[];
  /** How attention's gradient is spelled (`attention_gradient.ts`). */
  readonly attention: "stored" | "recomputed" | "whole";
  /**
   * `host`: what passes from program to program goes through the host, which keeps it for the gradients;
   * only scores are copied from surface to surface. `chained`: programs read the surface that
   * another program wrote.
   */
  readonly exchange: "host" | "chained";
  /** Forward values that gradients compute again instead of keeping them. */
  readonly recomputes: (node: Node) => boolean;
  /** Whether it takes what stands outside of layers as well: all of a graph without layers, a model's head. */
  readonly takesAll: boolean;
  /** Whether norm weights are folded into the products behind them (`fold_norm_weights`). */
  readonly foldsNorms: boolean;
}

const RESHAPES = ["reshape", "transpose", "repeat_heads"];
const never = (): boolean => false;

const sdpaForward: ProgramPlan = {
  name: "sdpa_fwd",
  roles: ["q", "k", "v", "heads", "attention"],
};
const ffnHalves: readonly ProgramPlan[] = [
  { name: "ffn_up_fwd", roles: ["in", "activation"] },
  { name: "ffn_down_fwd", roles: ["out", "residual"] },
];
const ffnForward: ProgramPlan = {
  name: "ffn_fwd",
  roles: ["in", "activation", "out", "residual"],
  halves: ffnHalves,
};
const sharedBackward: readonly ProgramPlan[] = [
  { name: "ffn_bwd_w2", roles: ["d_out"] },
  { name: "ffn_bwd_w13", roles: ["d_in"] },
  { name: "wo_bwd", roles: ["d_o", "d_context"] },
];

/** The ten programs of maderix/ANE `training_dynamic`, AutoANE "ane full", ncdrone and spoutop. */
export const NONE: Scheme = {
  name: "none",
  doc: "ten programs a layer; norms, residuals and the gradients of activations on the host",
  programs: [
    sdpaForward,
    { name: "wo_fwd", roles: ["o"] },
    ffnForward,
    ...sharedBackward,
    { name: "sdpa_bwd1", roles: ["d_values"] },
    { name: "sdpa_bwd2", roles: ["d_scores"] },
    { name: "q_bwd", roles: ["d_q"] },
    { name: "kv_bwd", roles: ["d_kv"] },
  ],
  attention: "stored",
  exchange: "host",
  recomputes: never,
  foldsNorms: false,
  takesAll: false,
};

/** fiale-plus/autoresearch-ane: Wo joins attention, the gradients of q, k and v become one program. */
export const PAIRS: Scheme = {
  name: "pairs",
  doc: "eight programs a layer: attention with its output product, and one gradient for q, k and v",
  programs: [
    { name: "sdpa_wo_fwd", roles: [...sdpaForward.roles, "o"] },
    ffnForward,
    ...sharedBackward,
    { name: "sdpa_bwd1", roles: ["d_repeat", "d_values", "d_sum_v"] },
    { name: "sdpa_bwd2", roles: ["d_scores", "d_sum_k"] },
    { name: "qkv_bwd", roles: ["d_q", "d_kv", "d_qkv"] },
  ],
  attention: "stored",
  exchange: "host",
  recomputes: (node) => node.op.name === "repeat_heads",
  foldsNorms: false,
  takesAll: false,
};

/** AutoANE "matmul-only": forward products alone. */
export const MATMUL: Scheme = {
  name: "matmul",
  doc: "each forward product with a weight; everything else, and all gradients, on the host",
  programs: [
    { name: "wq_fwd", roles: ["q"], each: true },
    { name: "wkv_fwd", roles: ["k", "v"], each: true },
    { name: "wo_fwd", roles: ["o"], each: true },
    { name: "w13_fwd", roles: ["in"], each: true },
    { name: "w2_fwd", roles: ["out"], each: true },
  ],
  attention: "whole",
  exchange: "host",
  recomputes: never,
  foldsNorms: false,
  takesAll: false,
};

const attentionRoles: readonly Role[] = ["norm", ...sdpaForward.roles, "o"];
const ffnRoles: readonly Role[] = ["between", ...ffnForward.roles];
const ffnBackRoles: readonly Role[] = ["d_residual", "d_out", "d_activation", "d_in", "d_between"];

/** Three programs a layer: no score, norm or residual outside of them. */
export const LAYER: Scheme = {
  name: "layer",
  doc: "three programs a layer: forward, the gradients down to attention, the gradients from there",
  programs: [
    {
      name: "layer_fwd",
      roles: [...attentionRoles, ...ffnRoles],
      halves: [
        { name: "attn_fwd", roles: attentionRoles },
        {
          name: "ffn_fwd",
          roles: ffnRoles,
          halves: [{ name: "ffn_up_fwd", roles: ["between", "in", "activation"] }, ffnHalves[1]!],
        },
      ],
    },
    {
      name: "bwd_a",
      roles: [...ffnBackRoles, "d_o", "d_context", "d_values"],
      halves: [
        {
          name: "ffn_bwd",
          roles: ffnBackRoles,
          halves: [
            { name: "ffn_down_bwd", roles: ["d_residual", "d_out", "d_activation"] },
            { name: "ffn_up_bwd", roles: ["d_in", "d_between"] },
          ],
        },
        { name: "wo_bwd", roles: ["d_o", "d_context", "d_values"] },
      ],
    },
    {
      name: "bwd_b",
      roles: ["d_repeat", "d_scores", "d_sum_k", "d_heads", "d_q", "d_kv", "d_qkv", "d_norm"],
    },
  ],
  attention: "recomputed",
  exchange: "chained",
  recomputes: (node) => ["rms_norm", "swiglu", ...RESHAPES].includes(node.op.name),
  foldsNorms: true,
  takesAll: true,
};

/**
 * The whole gradient in one program, which the engine's compiler refused where it was tried (fact
 * `attention_cycle`).
 */
export const WHOLE_BACKWARD: ProgramPlan = {
  name: "layer_bwd",
  roles: LAYER.programs.slice(1).flatMap((p) => p.roles),
};

export const SCHEMES: readonly Scheme[] = [NONE, PAIRS, MATMUL, LAYER];
