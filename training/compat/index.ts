/** Systems whose choices `--compat` repeats: a literal list. */

import { fixedValidationWindows } from "../data/windows.ts";
import type { TrainSettings } from "../options.ts";
import { autoane } from "./autoane.ts";
import { autoresearchAne } from "./autoresearch_ane.ts";
import type { Compat, ValidationSplit } from "./compat.ts";

const list = [autoane, autoresearchAne] as const;

export type CompatName = (typeof list)[number]["name"];

export const compats: readonly Compat[] = list;

export const compatNames: readonly CompatName[] = list.map(({ name }) => name);

/** The system that a run is compatible with, if it is with one. */
export function compatNamed(name: CompatName | null): Compat | undefined {
  return list.find((c) => c.name === name);
}

/** First tokens of the validation windows: the same ones each time, unless a system has others. */
export function validationWindows(
  { compat }: Pick<TrainSettings, "compat">,
  split: ValidationSplit,
): number[] {
  const { valStart, valTokens, S } = split;
  const own = compatNamed(compat)?.validationWindows(split);
  return own ?? fixedValidationWindows(valStart, valTokens, S);
}
