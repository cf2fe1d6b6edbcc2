/** A model and data that train in milliseconds. */
import { onTestFinished } from "vitest";
import type { SourceFile } from "../../../compiler/support/source.ts";
import { loadModel } from "../../../dsl/index.ts";
import type { TokenData } from "../../../training/data/token_file.ts";
import type { TrainSettings } from "../../../training/options.ts";
import { createRandom } from "../../../training/random.ts";
import { createTrainer, type Trainer, type TrainerOptions } from "../../../training/trainer.ts";

/** `tiny` with everything smaller still. */
export const SMALL = { S: 8, D: 16, H: 2, K: 1, E: 8, F: 24, L: 2 } as const;

export const VOCABULARY = 40;

/**
 * Tokens with a rule to learn: each is 7 more than the one before, or now and then any. The last ten ids
 * do not occur in the training split.
 */
export function toyData(tokens = 2000, seed = 3): TokenData {
  const random = createRandom(seed);
  const ids = new Uint16Array(tokens);
  for (let i = 1; i < tokens; i++) {
    const jump = random.drand48() < 0.2;
    ids[i] = jump ? random.uniformIndex(VOCABULARY - 10) : (ids[i - 1]! + 7) % (VOCABULARY - 10);
  }
  const valStart = Math.trunc(tokens * 0.9);
  for (let i = valStart; i < tokens; i += 5) ids[i] = VOCABULARY - 1 - ((i / 5) % 10);
  return {
    path: "toy",
    tokens: ids,
    valStart,
    trainTokens: valStart,
    valTokens: tokens - valStart,
    vocabulary: VOCABULARY,
    tokenizer: "toy",
    bytesPerToken: 2,
  };
}

export const tiny: SourceFile = loadModel("tiny");

/** Options of a small trainer. */
export function smallOptions(
  settings: Partial<TrainSettings> = {},
  more: Partial<TrainerOptions> = {},
): TrainerOptions {
  return {
    source: tiny,
    overrides: SMALL,
    data: toyData(),
    dataName: "toy",
    settings: { steps: 20, accum: 4, warmup: 2, valEvery: 0, ...settings },
    device: { threads: 1 },
    ...more,
  };
}

/** A small trainer that is closed when the test ends. */
export function smallTrainer(
  settings: Partial<TrainSettings> = {},
  more: Partial<TrainerOptions> = {},
): Trainer {
  return closing(createTrainer(smallOptions(settings, more)));
}

export function closing<T extends { close(): void }>(thing: T): T {
  onTestFinished(() => thing.close());
  return thing;
}

/** Runs a trainer to its end; the losses of its micro-steps. */
export function lossesOf(trainer: Trainer): number[] {
  const losses: number[] = [];
  while (!trainer.done) losses.push(trainer.step().loss);
  return losses;
}
