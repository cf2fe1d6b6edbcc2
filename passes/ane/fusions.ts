/**
 * The fusions between the schemes, one by one: each is a named step from `none` by `pairs` to `layer`.
 *
 * A fusion joins programs of a layer, with the host's work between and around them, or changes how values
 * pass. What it takes into a program is read from the scheme that it leads to: the list has no roles of
 * its own, and all steps in order give the schemes themselves.
 */

import { type Traffic, trafficOf } from "../../compiler/bundle/traffic.ts";
import type { Graph } from "../../compiler/ir/graph.ts";
import { bug } from "../../compiler/support/bug.ts";
import { planAne } from "./compile.ts";
import type { Weights } from "./ports.ts";
import { scheduleOf } from "./schedule.ts";
import { LAYER, NONE, PAIRS, type ProgramPlan, type Scheme } from "./schemes.ts";

type Setting = "attention" | "exchange" | "recomputes" | "foldsNorms" | "takesAll";

export interface FusionRule {
  readonly name: string;
  readonly doc: string;
  /** Programs that become one, or one that takes work of the host. */
  readonly joins: readonly string[];
  /** Programs after it, as `to` has them. */
  readonly into: readonly string[];
  /** Other properties that it takes from `to`. */
  readonly settings: readonly Setting[];
  /** Rules that have to be applied before. */
  readonly after: readonly string[];
  readonly to: Scheme;
}

/** Programs fewer in each layer. */
export function dispatchesSaved({ joins, into }: FusionRule): number {
  return joins.length - into.length;
}

interface Spec extends Pick<FusionRule, "doc" | "joins"> {
  readonly into?: string;
  readonly settings?: readonly Setting[];
  readonly after?: readonly string[];
}

const rule = (name: string, to: Scheme, spec: Spec): FusionRule => ({
  name,
  to,
  doc: spec.doc,
  joins: spec.joins,
  into: spec.into === undefined ? spec.joins : [spec.into],
  settings: spec.settings ?? [],
  after: spec.after ?? [],
});

/** In the order in which they lead from `none` to `pairs` to `layer`. */
export const FUSION_RULES: readonly FusionRule[] = [
  rule("fuse_sdpa_wo", PAIRS, {
    doc: "attention with its output product",
    joins: ["sdpa_fwd", "wo_fwd"],
    into: "sdpa_wo_fwd",
  }),
  rule("fuse_shared_heads", PAIRS, {
    doc: "keys and values are repeated for their queries, and gradients added up, in the program",
    joins: ["sdpa_bwd1", "sdpa_bwd2"],
    settings: ["recomputes"],
  }),
  rule("fuse_qkv_bwd", PAIRS, {
    doc: "the gradients of q, k and v down to their common input, and their sum",
    joins: ["q_bwd", "kv_bwd"],
    into: "qkv_bwd",
  }),
  rule("recompute_scores", LAYER, {
    doc: "each gradient program computes the scores again: nothing of size [S, S] leaves one",
    joins: [],
    settings: ["attention"],
    after: ["fuse_shared_heads"],
  }),
  rule("fuse_attn", LAYER, {
    doc: "the norm before attention",
    joins: ["sdpa_wo_fwd"],
    into: "attn_fwd",
    after: ["fuse_sdpa_wo"],
  }),
  rule("fuse_ffn", LAYER, {
    doc: "residual and norm before the feed-forward part",
    joins: ["ffn_fwd"],
    into: "ffn_fwd",
  }),
  rule("fuse_layer_fwd", LAYER, {
    doc: "a layer's forward pass",
    joins: ["attn_fwd", "ffn_fwd"],
    into: "layer_fwd",
    after: ["fuse_attn", "fuse_ffn"],
  }),
  rule("fuse_ffn_bwd", LAYER, {
    doc: "the feed-forward part's gradient, with those of activation, norm and residual",
    joins: ["ffn_bwd_w2", "ffn_bwd_w13"],
    into: "ffn_bwd",
  }),
  rule("fuse_wo_bwd", LAYER, {
    doc: "the gradient of the output product with that of the values",
    joins: ["wo_bwd", "sdpa_bwd1"],
    into: "wo_bwd",
    after: ["recompute_scores"],
  }),
  rule("fuse_bwd_a", LAYER, {
    doc: "the gradients from a layer's output down to attention",
    joins: ["ffn_bwd", "wo_bwd"],
    into: "bwd_a",
    after: ["fuse_ffn_bwd", "fuse_wo_bwd"],
  }),
  rule("fuse_bwd_b", LAYER, {
    doc: "the gradients from attention down to a layer's input",
    joins: ["sdpa_bwd2", "qkv_bwd"],
    into: "bwd_b",
    after: ["fuse_qkv_bwd", "fuse_wo_bwd"],
  }),
  rule("fold_norm_weights", LAYER, {
    doc: "norm weights are folded into the products behind them when weights are staged",
    joins: [],
    settings: ["foldsNorms"],
    after: ["fuse_attn", "fuse_ffn"],
  }),
  rule("chain_surfaces", LAYER, {
    doc: "programs read what others wrote where it lies; forward and backward share one copy of the weights",
    joins: [],
    settings: ["exchange", "recomputes", "takesAll"],
    after: ["fuse_layer_fwd", "fuse_bwd_a", "fuse_bwd_b"],
  }),
];

/** A scheme's program of this name, or one of the halves it may be cut into. */
function planNamed(plans: readonly ProgramPlan[], name: string): ProgramPlan | undefined {
  for (const plan of plans) {
    if (plan.name === name) return plan;
    const half = planNamed(plan.halves ?? [], name);
    if (half !== undefined) return half;
  }
  return undefined;
}

/** The scheme with one fusion more. A program that it joins and the scheme does not have is a bug. */
export function applyFusion(scheme: Scheme, fusion: FusionRule): Scheme {
  const { joins, into, settings, to } = fusion;
  for (const name of joins) {
    if (!scheme.programs.some((p) => p.name === name))
      bug(`${fusion.name} joins ${name}, which ${scheme.name} does not have`);
  }
  const plans = into.map(
    (name) => planNamed(to.programs, name) ?? bug(`${to.name} has no program ${name}`),
  );
  const taken = new Set(plans.flatMap((p) => p.roles));
  const programs = scheme.programs.flatMap((plan): readonly ProgramPlan[] => {
    const at = joins.indexOf(plan.name);
    if (at >= 0) return into.length === joins.length ? [plans[at]!] : at === 0 ? plans : [];
    return [{ ...plan, roles: plan.roles.filter((role) => !taken.has(role)) }];
  });
  const changed = Object.fromEntries(settings.map((key) => [key, to[key]]));
  return {
    ...scheme,
    ...changed,
    name: `${scheme.name}+${fusion.name}`,
    doc: fusion.doc,
    programs: programs.filter((p) => p.roles.length > 0),
  };
}

export function fusionNamed(name: string): FusionRule {
  return FUSION_RULES.find((r) => r.name === name) ?? bug(`there is no fusion ${name}`);
}

/** `none` with the rules that this one needs, but without itself. */
export function baseOf(fusion: FusionRule): Scheme {
  const needed = new Set<string>();
  const add = ({ after }: FusionRule): void => {
    for (const name of after) {
      needed.add(name);
      add(fusionNamed(name));
    }
  };
  add(fusion);
  return FUSION_RULES.filter((r) => needed.has(r.name)).reduce(applyFusion, NONE);
}

/** What a training step moves under a scheme. */
export interface SchemeTraffic extends Traffic {
  /** Of weights, for each update. */
  readonly bytesStaged: number;
}

export interface FusionStep {
  readonly rule: FusionRule;
  readonly before: SchemeTraffic;
  readonly after: SchemeTraffic;
}

/** Optimises a graph for a scheme: schemes that fold norm weights have other passes. */
export type GraphFor = (scheme: Scheme) => Graph;

/** What each fusion saves on a model, applied one after the other from `none` to `layer`. */
export function explainFusions(graphFor: GraphFor, weights: Weights = "packed"): FusionStep[] {
  let scheme = NONE;
  let before = schemeTraffic(graphFor(scheme), scheme, weights);
  return FUSION_RULES.map((fusion) => {
    scheme = applyFusion(scheme, fusion);
    const step = { rule: fusion, before, after: schemeTraffic(graphFor(scheme), scheme, weights) };
    before = step.after;
    return step;
  });
}

/** Counts without lowering anything to MIL. */
export function schemeTraffic(graph: Graph, scheme: Scheme, weights: Weights): SchemeTraffic {
  const plan = planAne(graph, { scheme, weights });
  const programOf = new Map(plan.connections.map(({ call }) => [call, call.name]));
  const { schedule, staging } = scheduleOf({ ...plan, programOf });
  return { ...trafficOf(schedule), bytesStaged: trafficOf(staging).bytesWritten };
}
