/**
 * Pages that are made from the registries: `docs/errors/`, `docs/facts/`, `docs/ops.md`,
 * `docs/exit_codes.md` and `docs/compatibility.md`.
 *
 * `npm run build && node scripts/generate_docs.mjs` writes them; a test compares them.
 */
import Handlebars from "handlebars";
import { areas, type Page } from "../compiler/messages/index.ts";
import type { OpDef } from "../compiler/ops/define.ts";
import { ops } from "../compiler/ops/index.ts";
import { facts } from "../compiler/target/facts/index.ts";
import { compatibilityPage } from "../training/compat/page.ts";
import { withEvidence } from "./evidence.ts";
import { exitCodesPage } from "./exit_codes.ts";
import { factIndex, factPage } from "./fact_pages.ts";

/** What can be done with an op as it is. */
export function abilitiesOf(op: OpDef): {
  readonly gradient: boolean;
  readonly cpu: boolean;
  readonly mil: boolean;
} {
  return {
    gradient: op.vjp !== undefined,
    cpu: op.host !== undefined || op.opcode !== undefined,
    mil: op.mil !== undefined,
  };
}

const NOTE = "<!-- Made by scripts/generate_docs.mjs. Do not edit. -->";

/** Every generated page by its path from the root of the repository. */
export function generatedDocs(): ReadonlyMap<string, string> {
  const messages = areas.flatMap((a) => a.messages);
  const known = withEvidence(facts);
  return new Map([
    ["docs/ops.md", opsPage()],
    ["docs/exit_codes.md", `${NOTE}\n${exitCodesPage()}`],
    ["docs/compatibility.md", `${NOTE}\n${compatibilityPage()}`],
    ["docs/errors/README.md", errorIndex()],
    ...messages.map((m) => [`docs/errors/${m.code}.md`, errorPage(m)] as const),
    ["docs/facts/README.md", `${NOTE}\n${factIndex(known)}`],
    ...known.map((f) => [`docs/facts/${f.id}.md`, `${NOTE}\n${factPage(f)}`] as const),
  ]);
}

const ERROR_PAGE = page<{ code: string; summary: string; explain: string }>(`{{note}}
# {{code}}: {{summary}}

{{explain}}
`);

function errorPage({ code, page: { summary, explain } }: Page): string {
  return ERROR_PAGE({ code, summary, explain: filled(explain) });
}

const ERROR_INDEX = page<{ areas: readonly object[] }>(`{{note}}
# Messages

\`anec explain CODE\` prints these pages.
{{#each areas}}

## {{title}}

{{#each messages}}
- [{{code}}]({{code}}.md) {{page.summary}}
{{/each}}
{{/each}}
`);

function errorIndex(): string {
  return ERROR_INDEX({
    areas: areas.map(({ name, messages }) => ({
      title: `${name[0]!.toUpperCase()}${name.slice(1)}`,
      messages,
    })),
  });
}

const OPS_PAGE = page<{ ops: readonly object[] }>(`{{note}}
# Ops

What graphs are made of. Each op is one file, \`compiler/ops/NAME.ts\`, with its shape rule, meaning,
gradient and lowerings. One without a host kernel or a MIL rule is decomposed into ops that have one,
or is the host's share of a schedule.

| op | operands | meaning | gradient | cpu | MIL |
| --- | --- | --- | --- | --- | --- |
{{#each ops}}
| \`{{name}}\` | {{operands}} | {{doc}} | {{gradient}} | {{cpu}} | {{mil}} |
{{/each}}
`);

function opsPage(): string {
  const mark = (is: boolean): string => (is ? "yes" : "–");
  return OPS_PAGE({
    ops: ops.map((op) => {
      const { gradient, cpu, mil } = abilitiesOf(op);
      return {
        name: op.name,
        operands: op.operands.join(", "),
        doc: op.doc.replaceAll("|", "\\|"),
        gradient: mark(gradient),
        cpu: mark(cpu),
        mil: mark(mil),
      };
    }),
  });
}

/** A template as a function: unknown names are errors, and nothing is escaped. */
function page<T extends object>(template: string): (data: T) => string {
  const render = Handlebars.compile<T & { note: string }>(template, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
  });
  return (data) => render({ ...data, note: NOTE });
}

/** Prose in lines of at most 100 characters. */
function filled(text: string): string {
  return text
    .split("\n")
    .map((paragraph) => {
      const lines: string[] = [];
      for (const word of paragraph.split(" ")) {
        const last = lines[lines.length - 1];
        if (last === undefined || last.length + word.length + 1 > 100) lines.push(word);
        else lines[lines.length - 1] = `${last} ${word}`;
      }
      return lines.join("\n");
    })
    .join("\n");
}
