/**
 * What a hardware fact is: one statement about the engine, how it is known, and what follows from
 * it.
 *
 *     export const rowStride = defineFact({ id: "row_stride", statement: "…", evidence: […], … });
 *
 * Sources contradict each other, and a fact keeps both sides: its verdict is then `depends`, and
 * what it finds is a warning, never an error.
 */

import type { MilProgram } from "../../mil/tree.ts";
import type { Span } from "../../support/source.ts";
import type { ChipFamily, ChipName } from "../chip_names.ts";
import type { RunContext } from "./run_context.ts";
import type { BlobFiles, MilView } from "./walk.ts";

/**
 * What happens to who ignores a fact. `reject`: it does not compile. `silent_wrong`: wrong numbers
 * without an error. `format`: a file or text is not read as meant. `runtime`: an error or a hang
 * when it runs. `warn`: trouble for some callers only. `cost`: slow. `numerics`: how numbers come
 * out, right or wrong.
 */
export type FactKind =
  | "reject"
  | "silent_wrong"
  | "format"
  | "runtime"
  | "warn"
  | "cost"
  | "numerics";

/**
 * How a source knows. `measured`: by `anec probe` on a chip, with its output in the tree.
 * `reported`: the named source says so; its note tells how it found out. `assumed`: it follows from
 * other things that are known.
 */
export type Confidence = "measured" | "reported" | "assumed";

export interface Evidence {
  /** A public project, pull request or page: `maderix/ANE pull 35`. */
  readonly source: string;
  readonly confidence: Confidence;
  readonly says: "holds" | "refuted";
  /** What was seen, on which chip and system. */
  readonly note: string;
}

/** `depends`: some sources say that it holds and some that it does not. */
export type Verdict = "holds" | "refuted" | "depends";

/** One place where a program or a run goes against a fact. */
export interface Finding {
  /** One sentence without a full stop. */
  readonly title: string;
  readonly span?: Span | undefined;
  /** A few words below the place. */
  readonly label?: string;
  /** What Apple's software says of this place, where its form is known; else the fact's words. */
  readonly apple?: string;
}

/** A program and what it is meant to run on. */
export interface ProgramContext {
  readonly program: MilProgram;
  readonly functions: readonly MilView[];
  readonly chip: ChipName;
  /** Version of macOS, if it is known. */
  readonly os?: string;
  /** The bytes of weight files by the path that the program writes. */
  readonly files?: BlobFiles;
}

export type Fix = (context: ProgramContext) => MilProgram;

/** MIL text, MIL text with weight files, or a run. */
export type Example = string | { readonly text: string; readonly files: BlobFiles } | RunContext;

export interface FactSpec {
  /** A noun in snake case. */
  readonly id: string;
  /** One or two sentences. */
  readonly statement: string;
  readonly kind: FactKind;
  /**
   * Names of the MIL ops that it is about, for who asks about one. Default: none, as of a fact about ports,
   * sizes, files or runs.
   */
  readonly ops?: readonly string[];
  /** Default: all. */
  readonly chips?: readonly ChipFamily[];
  /** Versions of macOS, `from` included and `before` excluded. Default: all. */
  readonly os?: { readonly from?: string; readonly before?: string };
  readonly evidence: readonly Evidence[];
  /** Looks for it in a program; `ops` are those above. */
  readonly check?: (context: ProgramContext, ops: readonly string[]) => Iterable<Finding>;
  /** Looks for it in a run: what no program says. */
  readonly checkRun?: (context: RunContext, ops: readonly string[]) => Iterable<Finding>;
  /** What Apple's software says, word for word; numbers are those of one case. */
  readonly apple?: string;
  readonly workaround: string;
  /** The program without this trouble; the same program if it cannot be helped. */
  readonly fix?: Fix;
  /** How the emulator behaves. */
  readonly emulator: string;
  readonly examples: { readonly fires: Example; readonly silent: Example };
}

/** A fact with its verdict, whose checks know its ops. */
export interface Fact extends Omit<FactSpec, "check" | "checkRun"> {
  readonly verdict: Verdict;
  readonly ops: readonly string[];
  readonly check?: (context: ProgramContext) => Iterable<Finding>;
  readonly checkRun?: (context: RunContext) => Iterable<Finding>;
}

/** A fact from what is written down about it. */
export function defineFact({ check, checkRun, ops = [], ...spec }: FactSpec): Fact {
  return {
    ...spec,
    ops,
    verdict: verdictOf(spec.evidence),
    ...(check === undefined ? {} : { check: (context) => check(context, ops) }),
    ...(checkRun === undefined ? {} : { checkRun: (context) => checkRun(context, ops) }),
  };
}

function verdictOf(evidence: readonly Evidence[]): Verdict {
  const says = new Set(evidence.map((e) => e.says));
  if (says.size === 2) return "depends";
  return says.has("refuted") ? "refuted" : "holds";
}

type Witness = (source: string, note: string) => Evidence;

/** Evidence that the named source reports. */
export const reported: Witness = (source, note) => ({
  source,
  confidence: "reported",
  says: "holds",
  note,
});

/** Evidence by which we think so; `source` is what it follows from. */
export const assumed: Witness = (source, note) => ({
  source,
  confidence: "assumed",
  says: "holds",
  note,
});

/** A report against. */
export const against: Witness = (source, note) => ({
  source,
  confidence: "reported",
  says: "refuted",
  note,
});

/** A version of macOS as numbers that compare: `26.3` is 26,003. */
export function versionNumber(version: string): number {
  const [major = "0", minor = "0"] = version.split(".");
  return Number(major) * 1000 + Number(minor);
}

/** The chips and systems that a fact is said of: `M1, M2, macOS before 26.0`. */
export function scopeOf({ chips, os }: Fact): string {
  const names = chips === undefined ? "all chips" : chips.map((c) => c.toUpperCase()).join(", ");
  const from = os?.from === undefined ? "" : `, macOS from ${os.from}`;
  return `${names}${from}${os?.before === undefined ? "" : `, macOS before ${os.before}`}`;
}

/** Whether a fact is said of this chip and system; of an unknown system, that it may be. */
export function appliesTo(fact: Fact, family: ChipFamily, os: string | undefined): boolean {
  if (fact.chips !== undefined && !fact.chips.includes(family)) return false;
  if (os === undefined || fact.os === undefined) return true;
  const version = versionNumber(os);
  const { from = "0", before = "9999" } = fact.os;
  return version >= versionNumber(from) && version < versionNumber(before);
}
