/**
 * What `anec verify` looks at, in its order: the file, the numbers it declares, its rotary embedding, the data, and
 * that its model trains.
 */
import type { Check } from "./check.ts";
import { dataChecks } from "./data_checks.ts";
import { fileChecks } from "./file_checks.ts";
import { modelChecks } from "./model_checks.ts";
import { rotaryChecks } from "./rotary_checks.ts";
import { trainingChecks } from "./training_checks.ts";

export { type Check, type Result, runChecks } from "./check.ts";
export { openSubject, type Subject, type SubjectOptions, withTokens } from "./subject.ts";
export { type Tools, tools } from "./tools.ts";

export interface CheckGroup {
  readonly name: "file" | "model" | "rotary" | "data" | "training";
  readonly checks: readonly Check[];
}

export const checkGroups: readonly CheckGroup[] = [
  { name: "file", checks: fileChecks },
  { name: "model", checks: modelChecks },
  { name: "rotary", checks: rotaryChecks },
  { name: "data", checks: dataChecks },
  { name: "training", checks: trainingChecks },
];
