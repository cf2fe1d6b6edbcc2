/**
 * The learning rate: a linear warm-up to the peak, then half a cosine down to a tenth of it.
 *
 *     at < warmup    peak · (at + 1) / warmup
 *     then           low + ½ (1 + cos πd) (peak − low)     d = (at − warmup) / (length − warmup)
 *
 * Time is counted in updates. `low` itself would be reached by the update after the last one.
 */
import type { TrainSettings } from "./options.ts";

export interface Schedule {
  readonly peak: number;
  readonly warmup: number;
  /** Updates in all; null for a constant rate after the warm-up. */
  readonly length: number | null;
}

/** The lowest rate as a part of the peak. */
export const LOW = 0.1;

/** The rate of update `at`, from 0. */
export function learningRate(at: number, { peak, warmup, length }: Schedule): number {
  if (at < warmup) return (peak * (at + 1)) / warmup;
  if (length === null) return peak;
  const d = Math.min(1, (at - warmup) / Math.max(1, length - warmup));
  const low = LOW * peak;
  return low + 0.5 * (1 + Math.cos(Math.PI * d)) * (peak - low);
}

/** The rate of update `update`, from 0, which micro-step `step`, from 0, closes. */
export function rateOf(settings: TrainSettings, update: number, step: number): number {
  const { lr: peak, warmup, steps, accum, compat } = settings;
  // AutoANE counts the time of its schedule in micro-steps.
  if (compat === "autoane") return learningRate(step, { peak, warmup, length: steps });
  const length = steps === null ? null : Math.ceil(steps / accum);
  return learningRate(update, { peak, warmup, length });
}
