/**
 * The learning rate: a linear warm-up to the peak, then as a schedule says, down to a part of the peak.
 *
 *     at < warmup    peak · (at + 1) / warmup
 *     then           by d = (at − warmup) / (length − warmup)
 *
 * Time is counted in updates, or in micro-steps where `clock` says so. The floor itself would be reached by
 * the update after the last one.
 */
import { bug } from "../../compiler/support/bug.ts";
import type { TrainSettings } from "../options.ts";
import { constant } from "./constant.ts";
import { cosine } from "./cosine.ts";
import { linear } from "./linear.ts";
import type { Schedule } from "./schedule.ts";
import { wsd } from "./wsd.ts";

export const schedules: readonly Schedule[] = [cosine, linear, constant, wsd];

export const scheduleNames: readonly string[] = schedules.map(({ name }) => name);

type RateSettings = Pick<TrainSettings, "lr" | "warmup" | "schedule" | "minLr" | "cooldown">;

/** The rate at the time `at`, from 0, of a run of `length`; null for a constant rate after the warm-up. */
export function learningRate(at: number, settings: RateSettings, length: number | null): number {
  const { lr: peak, warmup, minLr, cooldown, schedule: name } = settings;
  if (at < warmup) return (peak * (at + 1)) / warmup;
  if (length === null) return peak;
  const schedule =
    schedules.find((s) => s.name === name) ?? bug(`there is no schedule \`${name}\``);
  const d = Math.min(1, (at - warmup) / Math.max(1, length - warmup));
  return schedule.rate(d, { peak, low: minLr * peak, cooldown });
}

/** The rate of update `update`, from 0, which micro-step `step`, from 0, closes. */
export function rateOf(settings: TrainSettings, update: number, step: number): number {
  const { steps, accum, clock } = settings;
  if (clock === "micro_steps") return learningRate(step, settings, steps);
  return learningRate(update, settings, steps === null ? null : Math.ceil(steps / accum));
}
