/**
 * What is known of a search: its settings (`search.json`) and one record for each experiment
 * (`experiments.jsonl`). Everything else follows from them, so a search goes on from its files alone.
 */
import { createHash } from "node:crypto";
import type { DeviceOptions } from "../../runtime-native/js/index.ts";
import type { EngineChoice } from "../engine_programs.ts";
import type { Gate } from "./gate.ts";
import type { Config, Space } from "./space.ts";

export const protocols = ["autoane", "karpathy"] as const;
export const strategies = ["random", "grid", "halving"] as const;

/** What one run may use: seconds of training, or micro-steps. */
export interface Budget {
  readonly seconds: number | null;
  readonly steps: number | null;
}

export interface SearchSettings {
  readonly version: 1;
  /** Of anec. */
  readonly written: string;
  readonly model: {
    readonly path: string;
    readonly text: string;
    readonly entry: string;
    readonly overrides: Readonly<Record<string, number>>;
  };
  readonly data: { readonly name: string; readonly digest: string };
  /** autoane compares validation losses in nats per token, karpathy bits per byte. */
  readonly protocol: (typeof protocols)[number];
  readonly budget: Budget;
  readonly space: Space;
  readonly strategy: (typeof strategies)[number];
  /** After the baseline. */
  readonly experiments: number;
  readonly gate: Gate;
  /** Of what is drawn. */
  readonly seed: number;
  /** Configurations that would take more are not run. */
  readonly memoryBytes: number;
  readonly branch: string | null;
  readonly device: DeviceOptions;
  readonly engine: EngineChoice | null;
  readonly fallback: boolean;
}

/**
 * keep     better than the best so far beyond noise, and the best from here on
 * discard  not shown to be better
 * rung     measured with a part of the budget, to choose who goes on
 * crash    a run failed
 * skip     not run: no sound model, too large, or measured already
 */
export type Status = "keep" | "discard" | "rung" | "crash" | "skip";

/** One run of one configuration. */
export interface RunRecord {
  readonly seed: number;
  /** What the protocol compares; null if the run failed. */
  readonly loss: number | null;
  readonly error?: string;
  readonly steps: number;
  /** Of training, without starting and the last validation. */
  readonly trainingSeconds: number;
  readonly totalSeconds: number;
  readonly parameters: number;
  readonly peakBytes: number;
}

/** Losses of a configuration and of the one it is compared with, seed by seed. */
export interface Comparison {
  readonly seeds: readonly number[];
  readonly losses: readonly number[];
  readonly bestLosses: readonly number[];
  /** Of the sign flips, see gate.ts. */
  readonly p: number;
}

export interface ExperimentRecord {
  /** From 0, the baseline. */
  readonly experiment: number;
  readonly timestamp: string;
  readonly status: Status;
  readonly by: "baseline" | "strategy" | "given";
  readonly rung: number | null;
  readonly config: Config;
  /** The configuration in sixteen hex digits. */
  readonly digest: string;
  /** Against the best. */
  readonly change: string;
  readonly budget: Budget;
  /** The experiment that was the best until then; null for the baseline. */
  readonly best: number | null;
  /** With the seeds that the best was measured with before; empty where nothing was compared. */
  readonly seeds: readonly number[];
  readonly losses: readonly number[];
  readonly bestLosses: readonly number[];
  readonly p: number | null;
  /** With seeds that neither was run with before, side by side; only after the first comparison passed. */
  readonly fresh: Comparison | null;
  readonly reason: string;
  readonly runs: readonly RunRecord[];
  readonly machine: string;
  readonly commit: string | null;
}

/** The configuration to beat. */
export interface Best {
  readonly experiment: number;
  readonly config: Config;
  readonly seeds: readonly number[];
  readonly losses: readonly number[];
  readonly commit: string | null;
}

/** Undefined before the baseline. */
export function bestOf(records: readonly ExperimentRecord[]): Best | undefined {
  const record = records.findLast((r) => r.status === "keep");
  if (record === undefined) return undefined;
  // Those of the first comparison were low by choice: that is why it passed.
  const { seeds, losses } = record.fresh ?? record;
  const { experiment, config, commit } = record;
  return { experiment, config, seeds, losses, commit };
}

/** The seeds of block `block`: those of AutoANE's autosearch, 42, 1042, 2042, … */
export function seedsOf({ seeds: count }: Gate, block: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => 42 + 1000 * (block * count + i));
}

/** The first block that no run has used: each comparison with fresh seeds takes one. */
export function nextBlock(records: readonly ExperimentRecord[]): number {
  return 1 + records.filter((r) => r.fresh !== null).length;
}

/** A configuration in sixteen hex digits, whatever the order of its names. */
export function digestOf(config: Config): string {
  const entries = Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(entries)).digest("hex").slice(0, 16);
}

export function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

/** The number an experiment is shown with: the mean of the losses that were measured last; null without any, or after a crash. */
export function lossOf({ status, fresh, losses }: ExperimentRecord): number | null {
  if (status === "crash") return null;
  const last = fresh !== null && fresh.losses.length > 0 ? fresh.losses : losses;
  return last.length === 0 ? null : meanOf(last);
}

/** A part of a budget. */
export function partOfBudget({ seconds, steps }: Budget, part: number): Budget {
  return {
    seconds: seconds === null ? null : seconds * part,
    steps: steps === null ? null : Math.max(1, Math.round(steps * part)),
  };
}
