/**
 * Micro-steps of one group computed in one call: how many, and when.
 *
 * Gradients are the same sums in another order of addition, so a loss differs by rounding from that of
 * a run with other batches, and a run is repeated to the bit by one with the same batches. Which windows
 * are computed together therefore follows from the settings and the position in the run alone.
 */
import type { Graph } from "../compiler/ir/graph.ts";
import type { DeviceOptions } from "../runtime-native/js/index.ts";
import type { TrainState } from "./checkpoint.ts";
import { openSession } from "./host_session.ts";
import type { TrainSettings } from "./options.ts";
import { batchTrialPlan, trainingPlan } from "./programs.ts";
import { leftOfTurn } from "./ranks.ts";
import type { StepResult, UpdateResult } from "./trainer_types.ts";

/**
 * Micro-steps of the next call: `batch`, or 1 where that many do not fit. Batches begin at multiples of
 * `batch` from the start of a group, and end with the group, the run, and the micro-step `until`. With `ranks`, so
 * many of them compute at once, and what is left of their turn is next.
 */
export function batchAt(
  { step, group }: Pick<TrainState, "step" | "group">,
  { batch, accum, steps }: Pick<TrainSettings, "batch" | "accum" | "steps">,
  until: number,
  ranks?: number,
): number {
  const left = Math.min(accum - group.count, (steps ?? Infinity) - step, until - step);
  if (ranks !== undefined) return Math.min(left, leftOfTurn(group.count, { batch, size: ranks }));
  return group.count % batch === 0 && left >= batch ? batch : 1;
}

/** What each micro-step of a call gave; the last one closed the group, if there was an update. */
export function resultsOf(
  before: number,
  losses: readonly number[],
  update: UpdateResult | undefined,
): readonly StepResult[] {
  return losses.map((loss, i) => {
    const closes = update !== undefined && i === losses.length - 1;
    return { step: before + 1 + i, loss, ...(closes ? { update } : {}) };
  });
}

export interface BatchChoice {
  /** A graph whose first output is the loss. */
  readonly graph: Graph;
  /** Micro-steps of a group. */
  readonly accum: number;
  readonly recompute?: boolean | undefined;
  readonly device?: DeviceOptions | undefined;
  /** Milliseconds of some clock; tests replace it. */
  readonly now?: () => number;
}

/** Batches are at most this large. */
const MOST = 16;
/** The scratch of a batch is at most this part of parameters, gradients and moments. */
const SHARE_OF_STATE = 0.25;
/** Runs of each candidate, one after the other in turns; the first is not counted. */
const ROUNDS = 4;
/** A larger batch has to be faster by this factor. */
const GAIN = 0.99;

/** The batches that divide a group and whose scratch is small beside the state, ascending; 1 is first. */
export function batchCandidates({ graph, accum, recompute }: BatchChoice): number[] {
  const sizes = Array.from({ length: Math.min(accum, MOST) }, (_, i) => i + 1);
  const fits = (batch: number): boolean => {
    const { stateBytes, scratchBytes } = trainingPlan(graph, undefined, { batch, recompute }).plan;
    return scratchBytes <= SHARE_OF_STATE * stateBytes;
  };
  const divisors = sizes.filter((n) => accum % n === 0);
  const end = divisors.findIndex((n) => n > 1 && !fits(n));
  return end < 0 ? divisors : divisors.slice(0, end);
}

/**
 * The fastest batch on this machine, by a trial on zeros that takes a few micro-steps of each candidate.
 * What it chooses may differ from run to run.
 */
export function chooseBatch(choice: BatchChoice): number {
  const candidates = batchCandidates(choice);
  if (candidates.length === 1) return 1;
  const { graph, recompute, device, now = () => performance.now() } = choice;
  const session = openSession(batchTrialPlan(graph, candidates, recompute), device);
  try {
    const best = candidates.map(() => Infinity);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, batch] of candidates.entries()) {
        const start = now();
        session.run(`batch_${batch}`, { first: true });
        if (round > 0) best[i] = Math.min(best[i]!, (now() - start) / batch);
      }
    }
    return fastest(candidates, best);
  } finally {
    session.close();
  }
}

/** The candidate of the lowest time per micro-step; of two that are about as fast, the smaller. */
export function fastest(candidates: readonly number[], times: readonly number[]): number {
  let chosen = 0;
  for (const i of candidates.keys()) if (times[i]! < GAIN * times[chosen]!) chosen = i;
  return candidates[chosen]!;
}

/** What a run may ask for: a number in its settings, or the fastest. */
export interface BatchWish {
  readonly batch?: "auto" | undefined;
  readonly recompute?: boolean | undefined;
  readonly device?: DeviceOptions | undefined;
}

/** The settings of a run on the processor, with the batch that is the fastest where that was asked for. */
export function withBatch(settings: TrainSettings, graph: Graph, wish: BatchWish): TrainSettings {
  const { batch, recompute, device } = wish;
  if (batch !== "auto" || device?.engine !== undefined) return settings;
  const { accum } = settings;
  return { ...settings, batch: chooseBatch({ graph, accum, recompute, device }) };
}
