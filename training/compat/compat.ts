/** What compatibility with another system is: the choices of its trainer that ours repeats. */
import type { Graph } from "../../compiler/ir/graph.ts";
import type { InitialiseOptions } from "../initialise.ts";
import type { TrainSettings } from "../options.ts";

/** One choice, for `docs/compatibility.md`. */
export interface Choice {
  readonly what: string;
  /** What the system does, and we do with it. */
  readonly theirs: string;
  /** Where in its sources that is. */
  readonly source: string;
}

/** What is measured on at a validation. */
export interface ValidationSplit {
  /** Micro-steps done. */
  readonly step: number;
  readonly valStart: number;
  readonly valTokens: number;
  /** Tokens of a window. */
  readonly S: number;
}

export interface Compat {
  /** As on the command line. */
  readonly name: string;
  readonly doc: string;
  /** Its defaults: they hold unless others are given. */
  readonly settings: Partial<TrainSettings>;
  /** Sets every parameter. Throws a `UserError` (E0907) for a model that the system does not have. */
  readonly initialise: (graph: Graph, options: InitialiseOptions) => void;
  /** First tokens of the validation windows. */
  readonly validationWindows: (split: ValidationSplit) => number[];
  /** Whether a short last group is divided by the size of a full one. */
  readonly dividesByFullGroup: boolean;
  readonly choices: readonly Choice[];
  /** What it does that is not repeated, and why. */
  readonly leftOut: readonly string[];
}
