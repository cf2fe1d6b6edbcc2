/**
 * Pages that are made from the registries: `docs/errors/`, `docs/facts/` and `docs/ops.md`.
 *
 * `npm run build && node scripts/generate_docs.mjs` writes them; a test compares them.
 */
import { areas, type Page } from "../compiler/messages/index.ts";
import type { OpDef } from "../compiler/ops/define.ts";
import { ops } from "../compiler/ops/index.ts";
import { facts } from "../compiler/target/facts/index.ts";
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
  return new Map([
    ["docs/ops.md", opsPage()],
    ["docs/errors/README.md", errorIndex()],
    ...messages.map((m) => [`docs/errors/${m.code}.md`, errorPage(m)] as const),
    ["docs/facts/README.md", `${NOTE}\n${factIndex()}`],
    ...facts.map((f) => [`docs/facts/${f.id}.md`, `${NOTE}\n${factPage(f)}`] as const),
  ]);
}

function errorPage({ code, page }: Page): string {
  return `${NOTE}\n# ${code}: ${page.summary}\n\n${filled(page.explain)}\n`;
}

function errorIndex(): string {
  const lists = areas.map((a) => {
    const rows = a.messages.map((m) => `- [${m.code}](${m.code}.md) ${m.page.summary}`);
    return `## ${a.name[0]!.toUpperCase()}${a.name.slice(1)}\n\n${rows.join("\n")}\n`;
  });
  return `${NOTE}\n# Messages\n\n\`anec explain CODE\` prints these pages.\n\n${lists.join("\n")}`;
}

function opsPage(): string {
  const mark = (is: boolean): string => (is ? "yes" : "–");
  const rows = ops.map((op) => {
    const { gradient, cpu, mil } = abilitiesOf(op);
    const cells = [
      `\`${op.name}\``,
      op.operands.join(", "),
      op.doc,
      mark(gradient),
      mark(cpu),
      mark(mil),
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [
    NOTE,
    "# Ops",
    "",
    "What graphs are made of. Each op is one file, `compiler/ops/NAME.ts`, with its shape rule, meaning,",
    "gradient and lowerings. One without a host kernel or a MIL rule is decomposed into ops that have one,",
    "or is the host's share of a schedule.",
    "",
    "| op | operands | meaning | gradient | cpu | MIL |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
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
