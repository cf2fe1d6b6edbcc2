/** Small runs on the emulated engine, and the faults it is given. */
import { onTestFinished } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { configureEmulator, emulatorLibrary } from "../../runtime-native/js/ane.ts";
import { openData } from "../../training/data/open_data.ts";
import { createTrainer, type Trainer, type TrainerOptions } from "../../training/trainer.ts";

export const STEPS = 9;
export const ACCUM = 3;
const overrides = { S: 16, D: 16, H: 2, K: 1, E: 8, F: 24, L: 2 };

export const data = await openData("builtin:stories");
export const engine = { fusion: "layer", ane: "full" } as const;
export const device = { engine: { kind: "emulator" }, threads: 1 } as const;

/** Starts the emulator over with these settings, until the test ends. */
export function inject(settings: string): void {
  configureEmulator(emulatorLibrary(), settings);
  onTestFinished(() => configureEmulator(emulatorLibrary(), ""));
}

export function trainer(more: Partial<TrainerOptions> = {}, { onEngine = true } = {}): Trainer {
  return createTrainer({
    ...{ source: loadModel("tiny"), overrides, data, dataName: "builtin:stories" },
    settings: { steps: STEPS, accum: ACCUM, lr: 3e-3, warmup: 1 },
    ...(onEngine ? { engine, device } : { device: { threads: 1 } }),
    ...more,
  });
}

/** The losses of the steps that are left; `before` is called with the step that is next, from 1. */
export function lossesOf(t: Trainer, before: (step: number) => void = () => {}): number[] {
  const losses: number[] = [];
  while (!t.done) {
    before(t.state.step + 1);
    losses.push(t.step().loss);
  }
  return losses;
}

export function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
}

/** Every fault of the emulator; those of the second list fail a reload. */
export const KINDS = [
  ...["timeout", "inference-fault", "daemon-restart", "transient-load", "unload-fault"],
  ...["transient-compile", "lock-fault", "unlock-fault", "base-fault"],
];
export const RELOADING = [
  ...["surface-fault", "short-surface", "nil-descriptor", "nil-model", "nil-request"],
  "nil-wrapper",
];
