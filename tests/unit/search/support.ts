/** Searches whose runs are simulated: the loss of a configuration is a formula and noise. */
import type { Measure } from "../../../training/search/experiment.ts";
import { type LoopOptions, searchLoop } from "../../../training/search/loop.ts";
import type { ExperimentRecord, SearchSettings } from "../../../training/search/record.ts";
import { type Config, parseAxis } from "../../../training/search/space.ts";

export function settingsOf(changes: Partial<SearchSettings> = {}): SearchSettings {
  return {
    ...{ version: 1, written: "0.0.0", protocol: "autoane" },
    model: { path: "tiny.ane", text: "", entry: "tiny", overrides: {} },
    data: { name: "builtin:stories", digest: "" },
    budget: { seconds: null, steps: 90 },
    space: [parseAxis("lr=1e-4..1e-2:log"), parseAxis("accum=2,4,8,16")],
    ...{ strategy: "random", experiments: 12, gate: { seeds: 5, confidence: 0.95 }, seed: 1 },
    ...{ memoryBytes: 1e9, branch: null, device: {}, engine: null, fallback: true },
    ...changes,
  };
}

export const baseline: Config = { lr: 1e-3, accum: 8 };

/** Numbers from 0 to 1, all different for different words. */
export function uniform(...words: readonly (string | number)[]): number {
  let hash = 2166136261;
  for (const letter of words.join("/")) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** A number of the normal distribution of mean 0 and variance 1. */
export function normal(...words: readonly (string | number)[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform("r", ...words)));
  return radius * Math.cos(2 * Math.PI * uniform("a", ...words));
}

/** Runs that take no time, with the losses of `lossOf`; `null` for one that fails. */
export function simulated(
  lossOf: (config: Config, seed: number) => number | null,
  onRun: (config: Config, seed: number) => void = () => {},
): Measure {
  return async ({ config, seed, budget }, signal) => {
    await Promise.resolve();
    signal.throwIfAborted();
    onRun(config, seed);
    const loss = lossOf(config, seed);
    return {
      ...{ seed, loss, steps: budget.steps ?? 1, trainingSeconds: 1, totalSeconds: 2 },
      ...{ parameters: 1000, peakBytes: 1e6 },
      ...(loss === null ? { error: "it broke" } : {}),
    };
  };
}

export function loop(
  settings: SearchSettings,
  measure: Measure,
  options: Partial<LoopOptions> = {},
): Promise<readonly ExperimentRecord[]> {
  return searchLoop({
    ...{ settings, baseline, records: [], measure, faultOf: () => undefined, append: () => {} },
    ...{ signal: new AbortController().signal, now: () => new Date(0) },
    ...options,
  });
}
