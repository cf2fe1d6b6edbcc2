/** What is known about one fact as text, for `anec facts` and for `docs/facts/`. */
import { parseMil } from "../compiler/mil/parse.ts";
import { printMil } from "../compiler/mil/print.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import { renderDiagnostic } from "../compiler/support/render.ts";
import { diagnosticOf, howKnown } from "../compiler/target/check_chip.ts";
import {
  type Evidence,
  type Fact,
  type FactKind,
  type Finding,
  scopeOf,
} from "../compiler/target/facts/define.ts";
import { programContext } from "../compiler/target/facts/walk.ts";

const EFFECTS: Readonly<Record<FactKind, string>> = {
  reject: "it does not compile",
  silent_wrong: "wrong numbers without an error",
  format: "it is not read as it is meant",
  runtime: "the run fails",
  warn: "trouble in some cases",
  cost: "it is slower",
  numerics: "numbers come out differently",
};

/** What happens to who ignores a fact. */
export function effectOf({ kind }: Fact): string {
  return EFFECTS[kind];
}

/** Whether a fact is looked for in programs, in runs, or in both. */
export function checkedIn({ check, checkRun }: Fact): string {
  if (check === undefined) return "runs";
  return checkRun === undefined ? "programs" : "programs and runs";
}

/** A fact as plain data. */
export function factJson(fact: Fact) {
  const { id, statement, kind, verdict, evidence, apple, workaround, emulator, chips, os } = fact;
  return {
    id,
    statement,
    kind,
    verdict,
    ...(chips === undefined ? {} : { chips }),
    ...(os === undefined ? {} : { os }),
    evidence,
    ...(apple === undefined ? {} : { apple }),
    workaround,
    mends: fact.fix !== undefined,
    checkedIn: checkedIn(fact),
    emulator,
  };
}

const witness = ({ source, confidence, note }: Evidence): string =>
  `${confidence}: ${source} (${note})`;

/** Both sides, each with its sources. */
export function sidesOf({
  evidence,
}: Fact): readonly (readonly [title: string, lines: string[]])[] {
  const side = (says: Evidence["says"]): string[] =>
    evidence.filter((e) => e.says === says).map(witness);
  const against = side("refuted");
  const title = against.length === 0 ? "How it is known" : "That it holds";
  return [
    [title, side("holds")],
    ...(against.length === 0 ? [] : [["That it does not", against] as const]),
  ];
}

/** The page of a fact in Markdown, without its first line. */
export function factPage(fact: Fact): string {
  const sides = sidesOf(fact).flatMap(([title, lines]) => [
    `## ${title}`,
    "",
    ...lines.map((line) => `- ${escaped(line)}`),
    "",
  ]);
  const mend = fact.fix === undefined ? "." : ". `anec mil check --fix` does it.";
  return [
    `# ${fact.id}`,
    "",
    fact.statement,
    "",
    `| | |`,
    `| --- | --- |`,
    `| otherwise | ${effectOf(fact)} |`,
    `| where | ${scopeOf(fact)} |`,
    `| known | ${howKnown(fact)} |`,
    ...(fact.ops.length === 0
      ? []
      : [`| about | ${fact.ops.map((op) => `\`${op}\``).join(", ")} |`]),
    `| looked for in | ${checkedIn(fact)} |`,
    `| the emulator | ${escaped(fact.emulator)} |`,
    "",
    ...sides,
    "## What to do",
    "",
    `${capital(fact.workaround)}${mend}`,
    "",
    ...(fact.apple === undefined ? [] : ["## Apple's words", "", "```text", fact.apple, "```", ""]),
    ...exampleOf(fact),
  ].join("\n");
}

/** The list of facts in Markdown, without its first line. */
export function factIndex(list: readonly Fact[]): string {
  const rows = list.map((f) => {
    const cells = [`[${f.id}](${f.id}.md)`, f.statement, effectOf(f), scopeOf(f), f.verdict];
    return `| ${cells.map(escaped).join(" | ")} |`;
  });
  const contested = list.filter((f) => f.verdict === "depends").length;
  const measured = list.filter((f) => f.evidence.some((e) => e.confidence === "measured")).length;
  const byUs = measured === 0 ? "None was" : measured === 1 ? "1 was" : `${measured} were`;
  return [
    "# Facts about the hardware",
    "",
    `${list.length} facts; about ${contested} of them, sources contradict each other. ${byUs} measured by us: \`reported\``,
    "means that the named source says so, and `assumed` that it follows from what others report. What",
    "[`anec probe`](../probe.md) measured is called `measured`, and its report stands in docs/evidence/.",
    "",
    "`anec mil check FILE.mil --chip m2` looks for them, `anec facts NAME` prints one.",
    "",
    "| fact | what it says | otherwise | where | verdict |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

/** A program or run that goes against the fact, and what is said of it. */
function exampleOf(fact: Fact): string[] {
  const { fires } = fact.examples;
  const chip = fact.chips?.[0] ?? "m4";
  let found: Iterable<Finding> = [];
  const shown: string[] = [];
  if (typeof fires === "object" && "chip" in fires) found = fact.checkRun?.(fires) ?? [];
  else {
    const text = typeof fires === "string" ? fires : fires.text;
    const source = { path: `${fact.id}.mil`, text };
    const files = typeof fires === "string" ? {} : { files: fires.files };
    const program = parseMil(source);
    found = fact.check?.(programContext(program, { chip, ...files })) ?? [];
    const printed = printMil(program);
    if (printed.length < 3000) shown.push("```mil", printed.trimEnd(), "```", "");
  }
  const said: Diagnostic = diagnosticOf(fact, [...found]);
  return ["## An example", "", ...shown, "```text", renderDiagnostic(said), "```", ""];
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}

function capital(text: string): string {
  return /^[a-z]/.test(text) ? `${text[0]!.toUpperCase()}${text.slice(1)}` : text;
}
