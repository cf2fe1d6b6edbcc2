/** Hazards as diagnostics: one for each kind in a program, with the first places shown. */
import {
  type RangePlaces,
  rangeAccumulator,
  rangeBadInput,
  rangeGrid,
  rangeSlice,
  rangeStorage,
  rangeUndefined,
  rangeVanishing,
} from "../../messages/range.ts";
import type { MilProgram } from "../../mil/tree.ts";
import { type Diagnostic, UserError } from "../../support/diagnostic.ts";
import { analyseRanges, type Hazard, type HazardKind, type RangeOptions } from "./analyse.ts";
import { type Spread, within } from "./spread.ts";

const MESSAGES = {
  storage: rangeStorage,
  accumulator: rangeAccumulator,
  undefined: rangeUndefined,
  slice: rangeSlice,
  grid: rangeGrid,
  vanishing: rangeVanishing,
} as const satisfies Readonly<Record<HazardKind, (places: RangePlaces) => Diagnostic>>;

/** Places that are shown; the others are counted. */
const SHOWN = 3;

/** Warnings for the hazards of one program, what overflows first. `assumed` says what of its inputs. */
export function hazardDiagnostics(
  hazards: readonly Hazard[],
  program: string,
  assumed: string,
): Diagnostic[] {
  return (Object.keys(MESSAGES) as HazardKind[]).flatMap((kind) => {
    const found = hazards.filter((h) => h.kind === kind);
    if (found.length === 0) return [];
    const further = Math.max(0, found.length - SHOWN);
    return [MESSAGES[kind]({ program, places: found.slice(0, SHOWN), further, assumed })];
  });
}

/** Warnings for a program: `analyseRanges` and a report. */
export function checkRanges(program: MilProgram, options: RangeOptions = {}): Diagnostic[] {
  const name = options.function ?? program.functions[0]?.name ?? "main";
  const { hazards } = analyseRanges(program, options);
  return hazardDiagnostics(hazards, name, assumption(options));
}

function assumption({ observed, inputs }: RangeOptions): string {
  if (observed !== undefined) return "as in the samples, with a margin";
  const given = Object.keys(inputs ?? {}).length;
  return given === 0 ? "mean 0 and size 1" : "as given; others of mean 0 and size 1";
}

/** The ranges a user gives, `[name, low, high]`, as options. Throws E0596. */
export function givenRanges(
  program: MilProgram,
  ranges: readonly (readonly [name: string, low: number, high: number])[],
): Record<string, Spread> {
  const inputs = program.functions.flatMap((f) => f.inputs.map((i) => i.name));
  const found: Record<string, Spread> = {};
  for (const [name, low, high] of ranges) {
    const problem = !inputs.includes(name)
      ? "is for no input of the program"
      : !(low <= high)
        ? `goes from ${low} down to ${high}`
        : undefined;
    if (problem !== undefined) throw new UserError(rangeBadInput(name, problem, inputs));
    found[name] = within(low, high);
  }
  return found;
}
