/**
 * What a chip's engine would refuse or get wrong in a program, and the program mended.
 *
 *     checkForChip(program, { chip: "m2" })     diagnostics, one for each fact that is not met
 *     fixForChip(program, { chip: "m2" })       the program with every known mend applied
 *
 * These are predictions from what is known about the hardware; Apple's own compiler decides.
 */
import {
  type FactNotice,
  factAssumed,
  factContested,
  factCost,
  factFailsAtRunTime,
  factFormat,
  factHazard,
  factNumerics,
  factRejects,
  factSilentlyWrong,
} from "../messages/facts.ts";
import { listOf } from "../messages/message.ts";
import { checkMil } from "../mil/check.ts";
import type { MilProgram } from "../mil/tree.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import { type ChipName, familyOf } from "./chip_names.ts";
import { appliesTo, type Evidence, type Fact, type Finding } from "./facts/define.ts";
import { facts } from "./facts/index.ts";
import type { RunContext } from "./facts/run_context.ts";
import { type BlobFiles, programContext } from "./facts/walk.ts";

export interface ChipTarget {
  readonly chip: ChipName;
  /** Version of macOS such as `26.3`; without it, what is known of any version counts. */
  readonly os?: string;
  /** The weight files, to check the records that the program points at. */
  readonly files?: BlobFiles;
}

/** A fact and where a program or a run goes against it. */
export interface FactFindings {
  readonly fact: Fact;
  readonly findings: readonly Finding[];
}

/** Places that are shown; the others are counted. */
const SHOWN = 3;
/** A mend may make room for another; real programs need two rounds. */
const ROUNDS = 8;

/** The facts that a program goes against on a chip, in the order of the list. */
export function findForChip(program: MilProgram, target: ChipTarget): readonly FactFindings[] {
  const context = programContext(program, target);
  return factsFor(target).flatMap((fact) => collect(fact, fact.check?.(context)));
}

/**
 * What a chip's engine would refuse, get wrong or be slow at: errors first, then what is certain to
 * matter, then what sources disagree about. Expects a program that passes `checkMil`.
 */
export function checkForChip(program: MilProgram, target: ChipTarget): Diagnostic[] {
  return inOrder(findForChip(program, target));
}

/** What would go wrong in a run. */
export function checkRun(run: RunContext): Diagnostic[] {
  return inOrder(factsFor(run).flatMap((fact) => collect(fact, fact.checkRun?.(run))));
}

/**
 * The program with every known mend applied, and the names of the facts that were mended. What passed
 * `checkMil` still does.
 */
export function fixForChip(
  program: MilProgram,
  target: ChipTarget,
): { readonly program: MilProgram; readonly applied: readonly string[] } {
  const applied = new Set<string>();
  let current = program;
  for (let round = 0; round < ROUNDS; round++) {
    const before = current;
    for (const fact of factsFor(target)) {
      if (fact.fix === undefined || fact.check === undefined) continue;
      const context = programContext(current, target);
      if (collect(fact, fact.check(context)).length === 0) continue;
      const mended = fact.fix(context);
      if (mended === current || breaks(current, mended)) continue;
      applied.add(fact.id);
      current = mended;
    }
    if (current === before) break;
  }
  return { program: current, applied: [...applied] };
}

/**
 * Whether a mend made a mistake of what was none. Where the checker cannot tell a shape, as behind
 * an op that it does not know, a mend may say more than is true.
 */
function breaks(before: MilProgram, after: MilProgram): boolean {
  return hasErrors(after) && !hasErrors(before);
}

const hasErrors = (program: MilProgram): boolean =>
  checkMil(program).some((d) => d.severity === "error");

function factsFor({ chip, os }: { readonly chip: ChipName; readonly os?: string }): Fact[] {
  return facts.filter((fact) => appliesTo(fact, familyOf(chip), os));
}

function collect(fact: Fact, found: Iterable<Finding> | undefined): FactFindings[] {
  const findings = found === undefined ? [] : [...found];
  return findings.length === 0 ? [] : [{ fact, findings }];
}

function inOrder(list: readonly FactFindings[]): Diagnostic[] {
  const rank = (d: Diagnostic, fact: Fact): number =>
    d.severity === "error" ? 0 : fact.verdict === "holds" ? 1 : 2;
  return list
    .map(({ fact, findings }) => ({ fact, d: diagnosticOf(fact, findings) }))
    .sort((a, b) => rank(a.d, a.fact) - rank(b.d, b.fact))
    .map(({ d }) => d);
}

/** All findings of one fact as one diagnostic. */
export function diagnosticOf(fact: Fact, findings: readonly Finding[]): Diagnostic {
  return messageOf(fact)(noticeOf(fact, findings[0]!.apple), {
    title: findings[0]!.title,
    labels: findings.slice(0, SHOWN).map((f) => ({ span: f.span, text: f.label ?? "" })),
    further: Math.max(0, findings.length - SHOWN),
  });
}

function messageOf(fact: Fact) {
  if (fact.verdict !== "holds") return factContested;
  switch (fact.kind) {
    case "warn":
      return factHazard;
    case "cost":
      return factCost;
    case "numerics":
      return factNumerics;
    default:
      break;
  }
  // What is only assumed is no reason to refuse a program.
  if (fact.evidence.every((e) => e.confidence === "assumed")) return factAssumed;
  switch (fact.kind) {
    case "reject":
      return factRejects;
    case "silent_wrong":
      return factSilentlyWrong;
    case "format":
      return factFormat;
    case "runtime":
      return factFailsAtRunTime;
    default:
      return fact.kind satisfies never;
  }
}

function noticeOf(fact: Fact, words: string | undefined): FactNotice {
  const side = (says: Evidence["says"]): string[] =>
    fact.evidence.filter((e) => e.says === says).map((e) => `${e.source} (${e.note})`);
  return {
    id: fact.id,
    statement: fact.statement,
    known: howKnown(fact),
    holds: side("holds"),
    refuted: side("refuted"),
    apple: words ?? fact.apple,
    workaround: fact.workaround,
    mends: fact.fix !== undefined,
  };
}

/** `reported by maderix/ANE and libane, not measured by us`. */
export function howKnown({ evidence, verdict }: Fact): string {
  if (verdict === "depends") return "sources contradict each other";
  const measured = evidence.filter((e) => e.confidence === "measured").map((e) => e.source);
  if (measured.length > 0) return `measured on ${listOf(measured)}`;
  const reports = evidence.filter((e) => e.confidence === "reported").map((e) => e.source);
  if (reports.length === 0) return `assumed from ${listOf(evidence.map((e) => e.source))}`;
  const named = reports.slice(0, 2);
  const more = reports.length - named.length;
  const who = more > 0 ? [...named, `${more} more`] : named;
  return `reported by ${listOf(who)}, not measured by us`;
}
