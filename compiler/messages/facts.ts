/**
 * Messages about hardware facts (E0510…): one code for each way in which a program or a run goes
 * against one.
 *
 * Every message names its fact, how it is known and by whom, Apple's own words where they are known,
 * and what to do. The fact's page has the rest.
 */
import type { Label } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { at, type Message, type MessageBody, message } from "./message.ts";

/** What a message says of a fact. */
export interface FactNotice {
  readonly id: string;
  readonly statement: string;
  /** `reported by 3 sources, not measured by us` */
  readonly known: string;
  /** Sources for and against, with what each saw. */
  readonly holds: readonly string[];
  readonly refuted: readonly string[];
  readonly apple: string | undefined;
  readonly workaround: string;
  /** Whether `--fix` mends it. */
  readonly mends: boolean;
}

/** The first place, the places after it, and how many there are beyond those. */
export interface FactPlaces {
  readonly title: string;
  readonly labels: readonly { readonly span: Span | undefined; readonly text: string }[];
  readonly further: number;
}

type FactMessage = Message<[fact: FactNotice, places: FactPlaces]>;

const EVIDENCE =
  "Each fact says how it is known: measured (by `anec probe`, output in the tree), reported (by the " +
  "named source) or assumed (it follows from others). `anec facts NAME` prints all of it.";

/** A line for each source; the first says which side it is. */
function sideNotes(key: string, sources: readonly string[]): [string, string][] {
  return sources.map((source, i) => [i === 0 ? key : "", source]);
}

function body(
  fact: FactNotice,
  { title, labels, further }: FactPlaces,
  severity: "error" | "warning",
): MessageBody {
  const notes: [string, string][] = [
    ["fact", `${fact.id}: ${fact.known} (docs/facts/${fact.id}.md)`],
  ];
  const contested = fact.refuted.length > 0;
  if (contested) notes.push(...sideNotes("for", fact.holds), ...sideNotes("but", fact.refuted));
  if (fact.apple !== undefined) notes.push(["apple", `\`${fact.apple}\``]);
  if (further > 0) notes.push(["also", `at ${further} other place${further === 1 ? "" : "s"}`]);
  const mend = fact.mends ? " (`--fix` does it)" : "";
  return {
    severity,
    title,
    labels: labels.flatMap((l): Label[] => at(l.span, l.text)),
    why: contested ? `Sources disagree about this: ${fact.statement}` : fact.statement,
    notes,
    help: [{ text: `${fact.workaround}${mend}` }],
  };
}

const error = (code: string, summary: string, explain: string): FactMessage =>
  message(code, { summary, explain: `${explain} ${EVIDENCE}` }, (fact, places) =>
    body(fact, places, "error"),
  );

const warning = (code: string, summary: string, explain: string): FactMessage =>
  message(code, { summary, explain: `${explain} ${EVIDENCE}` }, (fact, places) =>
    body(fact, places, "warning"),
  );

export const factRejects = error(
  "E0510",
  "the engine's compiler refuses a program",
  "Apple's compiler for the engine is known to refuse what the message points at, usually with no more " +
    "than `ANECCompile() FAILED`.",
);

export const factSilentlyWrong = error(
  "E0511",
  "the engine computes something else, without an error",
  "The program compiles and runs, and the numbers are not the ones it says.",
);

export const factFormat = error(
  "E0512",
  "a program or weight file is not read as it is meant",
  "The text or the file does not have the form that the engine's tools expect.",
);

export const factFailsAtRunTime = error(
  "E0513",
  "a run that fails or hangs",
  "The program compiles; a call with these surfaces, counts or files ends with an error or never.",
);

export const factHazard = warning(
  "E0514",
  "what some ways into the engine cannot do",
  "It works for some programs, systems or callers and is trouble for others.",
);

export const factCost = warning(
  "E0515",
  "a program or run that is slower than it needs to be",
  "The result is right. The engine has a faster way.",
);

export const factNumerics = warning(
  "E0516",
  "numbers that the engine rounds or limits in its own way",
  "The engine's arithmetic is not that of IEEE floating point, and here the difference shows.",
);

export const factContested = warning(
  "E0517",
  "sources contradict each other about this",
  "Some report that it fails and others that it works; both are named. It is a reason to try it on the " +
    "chip before relying on it, and never an error.",
);

export const factAssumed = warning(
  "E0518",
  "an assumption about the hardware",
  "Nobody reports it directly; it follows from what is reported.",
);
