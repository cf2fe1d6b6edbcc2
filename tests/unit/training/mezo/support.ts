/** Small runs without gradients. */
import { leafName } from "../../../../compiler/ir/graph.ts";
import { type ZerothChoice, zerothSettings } from "../../../../training/mezo/options.ts";
import type { TrainSettings } from "../../../../training/options.ts";
import type { Trainer, TrainerOptions } from "../../../../training/trainer_types.ts";
import { smallTrainer } from "../support.ts";

export function mezoTrainer(
  choice: Partial<ZerothChoice> = {},
  given: Partial<TrainSettings> = {},
  more: Partial<TrainerOptions> = {},
): Trainer {
  const settings = zerothSettings(
    { method: "mezo", isLora: more.lora !== undefined, ...choice },
    { steps: 20, valEvery: 0, ...given },
  );
  return smallTrainer(settings, more);
}

/** The parameters of a run as they are, by their paths. */
export function copyOf(trainer: Trainer): Map<string, Float32Array> {
  const params = trainer.model.graph.params.map(leafName);
  return new Map(params.map((path) => [path, trainer.param(path).slice()]));
}
