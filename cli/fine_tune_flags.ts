/** Flags of `anec train` for adapters, and for training without gradients. */
import type { Command } from "commander";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { ATTENTION_TARGETS, FEED_FORWARD_TARGETS, type Lora } from "../passes/lora.ts";
import { type ZerothOrder, zerothMethods, zerothSettings } from "../training/mezo/options.ts";
import { needNumber, needWhole, type TrainSettings } from "../training/options.ts";
import { anyNumber, oneOf } from "./flags.ts";

const METHODS = ["backprop", ...zerothMethods] as const;

export interface FineTuneFlags {
  readonly method?: (typeof METHODS)[number];
  readonly eps?: number;
  readonly probes?: number;
  readonly lora?: number;
  readonly loraAlpha?: number;
  readonly loraFfn?: boolean;
  readonly loraTargets?: readonly string[];
  /** False with `--no-lora-norms`. */
  readonly loraNorms?: boolean;
  readonly loraMerged?: boolean;
}

const MOST_RANK = 4096;

export function fineTuneFlags(c: Command): void {
  c.option(
    "--method <name>",
    "backprop, or without gradients: mezo, fzoo (default: backprop)",
    oneOf("--method", METHODS),
  )
    .option(
      "--eps <n>",
      "mezo, fzoo: how far parameters are moved (default: 0.001)",
      anyNumber("--eps"),
    )
    .option("--probes <n>", "fzoo: directions of a step (default: 4)", anyNumber("--probes"))
    .option(
      "--lora <rank>",
      "train adapters of this rank beside frozen weights",
      anyNumber("--lora"),
    )
    .option(
      "--lora-alpha <n>",
      "adapters count alpha / rank times (default: the rank)",
      anyNumber("--lora-alpha"),
    )
    .option("--lora-ffn", "adapters in the feed-forward layers as well as in attention")
    .option(
      "--lora-targets <names>",
      "weights with adapters, by the last part of their paths (default: wq,wk,wv,wo)",
      (text: string) => text.split(",").map((name) => name.trim()),
    )
    .option("--no-lora-norms", "leave the weights of norms as they are")
    .option("--lora-merged", "mezo, fzoo: add adapters to their weights before each loss");
}

function conflict(flag: string, other: string, why: string): never {
  throw new UserError(flagsConflict(flag, other, why));
}

/** The first flag about adapters that was given. */
export function loraFlagOf(flags: FineTuneFlags): string | undefined {
  return flags.lora === undefined ? loraDetail(flags) : "--lora";
}

function loraDetail(flags: FineTuneFlags): string | undefined {
  const { loraAlpha, loraFfn, loraTargets, loraNorms, loraMerged } = flags;
  if (loraAlpha !== undefined) return "--lora-alpha";
  if (loraFfn === true) return "--lora-ffn";
  if (loraTargets !== undefined) return "--lora-targets";
  if (loraNorms === false) return "--no-lora-norms";
  return loraMerged === true ? "--lora-merged" : undefined;
}

/** The adapters that were asked for. Throws a `UserError` (E0901, E0959). */
export function loraOf(flags: FineTuneFlags): Lora | undefined {
  const { lora: rank, loraAlpha, loraFfn, loraTargets, loraNorms, loraMerged } = flags;
  if (rank === undefined) {
    const alone = loraDetail(flags);
    if (alone !== undefined)
      conflict(alone, "training every weight", "It is about adapters: give `--lora RANK`.");
    return undefined;
  }
  needWhole("lora", rank, 1, MOST_RANK);
  if (loraAlpha !== undefined) needNumber("lora-alpha", loraAlpha, 1e-6, 1e6);
  if (loraFfn === true && loraTargets !== undefined)
    conflict("--lora-ffn", "--lora-targets", "The targets are listed already.");
  const usual =
    loraFfn === true ? [...ATTENTION_TARGETS, ...FEED_FORWARD_TARGETS] : ATTENTION_TARGETS;
  const scale = loraAlpha === undefined ? 1 : loraAlpha / rank;
  const chosen = { rank, scale, targets: loraTargets ?? usual, norms: loraNorms !== false };
  return loraMerged === true ? { ...chosen, form: "merged" } : chosen;
}

/** Flags that only gradients give something to do. */
const OF_GRADIENTS = {
  ...{ accum: "--accum", warmup: "--warmup", clip: "--clip", wd: "--wd" },
  ...{ beta1: "--beta1", beta2: "--beta2", batch: "--batch", recompute: "--recompute" },
  ...{ optimizer: "--optimizer", schedule: "--schedule", cooldown: "--cooldown" },
  ...{ lrMatrix: "--lr-matrix", lrEmbed: "--lr-embed", lrNorm: "--lr-norm" },
  ...{ wdEmbed: "--wd-embed", wdNorm: "--wd-norm", sanitize: "--sanitize" },
  ...{ lossScale: "--loss-scale", adaptive: "--adaptive", adaptiveWindow: "--adaptive-window" },
  ...{ fusion: "--fusion", trace: "--trace" },
} as const;

/** Throws a `UserError` (E0959) for a flag that a run without gradients has no use for. */
export function checkIdleFlags(flags: object, method: ZerothOrder["method"]): void {
  const given = flags as Readonly<Record<string, unknown>>;
  const idle = Object.entries(OF_GRADIENTS).find(([name]) => given[name] !== undefined);
  if (idle === undefined) return;
  const why = "A step of it is two losses or more, and nothing else.";
  conflict(idle[1], `--method ${method}`, why);
}

/** Throws a `UserError` (E0959) for more on the engine than a run with adapters, or without gradients, has there. */
export function checkShare({ ane }: { readonly ane?: string }, other: string): void {
  if (ane === "full")
    conflict("--ane full", other, "The engine computes the forward products with weights alone.");
}

/** The settings of a new run with the method that was asked for. Throws a `UserError` (E0901, E0959). */
export function fineTuned(
  flags: FineTuneFlags & {
    readonly device?: string;
    readonly ane?: string;
    readonly adapters?: string;
  },
  settings: Partial<TrainSettings>,
): Partial<TrainSettings> {
  const { method = "backprop", eps, probes } = flags;
  const isLora = flags.lora !== undefined || flags.adapters !== undefined;
  if (method === "backprop") {
    if (eps !== undefined) conflict("--eps", "--method backprop", "Gradients need no distance.");
    if (probes !== undefined) conflict("--probes", "--method backprop", "A gradient is exact.");
    if (flags.loraMerged === true) {
      const why = "Gradients of adapters need no product of the size of a weight.";
      conflict("--lora-merged", "--method backprop", why);
    }
    if (isLora) checkShare(flags, flags.lora === undefined ? "--adapters" : "--lora");
    return settings;
  }
  checkIdleFlags(flags, method);
  checkShare(flags, `--method ${method}`);
  if (probes !== undefined && method === "mezo")
    conflict("--probes", "--method mezo", "It looks along one direction: `fzoo` takes several.");
  return zerothSettings({ method, epsilon: eps, probes, isLora }, settings);
}
