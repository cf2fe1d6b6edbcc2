/**
 * Where the windows of a step start. A window is S inputs and the same tokens one later as targets,
 * so S + 1 tokens; windows are drawn anywhere and cross the ends of documents.
 */
import { invariant } from "../../compiler/support/bug.ts";
import { createRandom, erand48, type Random } from "../random.ts";
import type { Tokens } from "./token_file.ts";

/** How many windows a validation takes, unless told otherwise. */
export const VALIDATION_WINDOWS = 10;

/** The first token of a training window: one draw of `random`, in [0, trainTokens − S − 1). */
export function trainWindow(random: Random, trainTokens: number, S: number): number {
  invariant(trainTokens >= S + 2, `${trainTokens} tokens hold no window of ${S}`);
  return random.uniformIndex(trainTokens - S - 1);
}

/**
 * The training window of a step by the rule of MeZO: a stream of its own for each step, so that a step
 * sees the same tokens whether the run was resumed or not.
 */
export function stepWindow(seed: number, step: number, trainTokens: number, S: number): number {
  return trainWindow(createRandom(seed + step * 7919), trainTokens, S);
}

/**
 * The first tokens of the validation windows, as positions in the whole file. Always the same ones:
 * differences between two evaluations are then differences of the model.
 */
export function fixedValidationWindows(
  valStart: number,
  valTokens: number,
  S: number,
  count = VALIDATION_WINDOWS,
): number[] {
  invariant(valTokens >= S + 2, `${valTokens} tokens hold no window of ${S}`);
  const random = createRandom(999);
  return Array.from({ length: count }, () => valStart + random.uniformIndex(valTokens - S - 1));
}

/** The validation windows of AutoANE's `train`, which are different ones at every step (`--compat autoane`). */
export function autoaneValidationWindows(
  step: number,
  valStart: number,
  valTokens: number,
  S: number,
  count = VALIDATION_WINDOWS,
): number[] {
  invariant(valTokens >= S + 2, `${valTokens} tokens hold no window of ${S}`);
  const x = Uint16Array.of(step * 7 + 1, step * 13 + 3, step * 17 + 5);
  return Array.from(
    { length: count },
    () => valStart + Math.floor(erand48(x) * (valTokens - S - 1)),
  );
}

/** Validation windows at equal distances: window i is at i · floor(valTokens / count). */
export function evenValidationWindows(
  valStart: number,
  valTokens: number,
  S: number,
  count: number,
): number[] {
  invariant(valTokens >= S + 2, `${valTokens} tokens hold no window of ${S}`);
  const distance = Math.floor(valTokens / count);
  return Array.from(
    { length: count },
    (_, i) => valStart + Math.min(i * distance, valTokens - S - 1),
  );
}

/** Copies a window into the i32 buffers of the model: inputs [S], targets [S]. */
export function copyWindow(
  tokens: Tokens,
  position: number,
  inputs: Int32Array,
  targets: Int32Array,
): void {
  const S = inputs.length;
  invariant(targets.length === S, "inputs and targets are equally long");
  invariant(
    position >= 0 && position + S < tokens.length,
    `window ${position} is outside the tokens`,
  );
  inputs.set(tokens.subarray(position, position + S));
  targets.set(tokens.subarray(position + 1, position + S + 1));
}
