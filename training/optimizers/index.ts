/** The optimizers: a literal list. */
import { bug } from "../../compiler/support/bug.ts";
import type { TrainSettings } from "../options.ts";
import { adamw } from "./adamw.ts";
import { lion } from "./lion.ts";
import type { Optimizer } from "./optimizer.ts";
import { sgd } from "./sgd.ts";

export const optimizers: readonly Optimizer[] = [adamw, lion, sgd];

export const optimizerNames: readonly string[] = optimizers.map(({ name }) => name);

export function optimizerNamed(name: string): Optimizer {
  return optimizers.find((o) => o.name === name) ?? bug(`there is no optimizer \`${name}\``);
}

/** What a run keeps of every parameter: nothing where it trains without gradients. */
export function momentsOf({
  optimizer,
  zeroth,
}: Pick<TrainSettings, "optimizer" | "zeroth">): readonly string[] {
  return zeroth === undefined ? optimizerNamed(optimizer).moments : [];
}
