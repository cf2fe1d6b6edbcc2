/** The flags of `anec compile` that name a chip, and the search for a layout that suits it. */
import type { Command } from "commander";
import { flagsConflict, missingArgument } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Fusion, Weights } from "../index.ts";
import type { SearchOptions } from "../passes/ane/search.ts";
import { type ChipFlags, chipFlags } from "./chip_flag.ts";
import { whole } from "./flags.ts";

/** `--micro-steps`, and the flags that the search takes the place of. */
export interface SearchFlags {
  readonly fusion?: Fusion | "auto";
  readonly ane?: "full" | "matmul";
  readonly weights?: Weights;
  readonly microSteps?: number;
}

/** And `--chip` and `--os`. */
export interface LayoutFlags extends SearchFlags, ChipFlags {}

/** Flags beside them that say what programs are made of. */
interface Others {
  readonly mode?: string;
  readonly classifier?: string;
}

export function layoutFlags(c: Command): void {
  chipFlags(c, "ane: say what this chip's engine would refuse, and how that is known");
  microStepsFlag(c);
}

export function microStepsFlag(c: Command): void {
  c.option(
    "--micro-steps <n>",
    "for --fusion auto: micro-steps that share an update (default: 10)",
    whole("--micro-steps", 1, 1e6),
  );
}

/** Throws a `UserError` (E0959, E0952) where `--fusion auto` has nothing to choose, or no chip. */
export function checkLayoutFlags(flags: LayoutFlags & Others): void {
  if (flags.fusion !== "auto") return;
  if (flags.chip === undefined) {
    const usage = "anec compile MODEL --fusion auto --chip m4";
    throw new UserError(missingArgument("anec compile --fusion auto", "--chip", usage));
  }
  const { ane, weights, mode, classifier } = flags;
  const others = [
    ane === undefined ? [] : `--ane ${ane}`,
    weights === "baked" ? "--weights baked" : [],
    mode === undefined ? [] : `--mode ${mode}`,
    classifier === "ane" ? "--classifier ane" : [],
  ].flat();
  if (others.length === 0) return;
  const why = "The search chooses what is on the engine, among weights that change.";
  throw new UserError(flagsConflict("--fusion auto", others[0]!, why));
}

/** What the search is asked for. */
export function searchOptions(
  { weights, microSteps }: SearchFlags,
  gradients: boolean,
): Omit<SearchOptions, "chip"> {
  return {
    gradients,
    ...(weights === undefined || weights === "baked" ? {} : { weights }),
    ...(microSteps === undefined ? {} : { microSteps }),
  };
}

/** The flags as `compile` takes them. */
export function layoutOptions({ fusion, ane, weights }: SearchFlags) {
  return {
    ...(fusion === undefined || fusion === "auto" ? {} : { fusion }),
    ...(ane === undefined ? {} : { ane }),
    ...(weights === undefined ? {} : { weights }),
  };
}
