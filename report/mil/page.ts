/**
 * The report of any MIL program, or of a compiled Core ML model: graph, numbers, weights, the checker's
 * verdict on each chip, and Apple's own placement where the file has it.
 */
import { basename, dirname, isAbsolute } from "node:path";
import { checkMil } from "../../compiler/mil/check.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printType } from "../../compiler/mil/print.ts";
import { type FunctionStats, milStats } from "../../compiler/mil/stats.ts";
import type { MilProgram } from "../../compiler/mil/tree.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { bytesText, scaled } from "../../compiler/support/numbers.ts";
import { renderDiagnostics } from "../../compiler/support/render.ts";
import { factsData } from "../facts.ts";
import { boundedBytes, insideFile, MOST_TEXT, MOST_WEIGHTS } from "../files.ts";
import type { WeightRow } from "../model/data.ts";
import { type ChipChoice, factsSection, graphSection } from "../model/page.ts";
import { escapeHtml, renderPage, type Section } from "../page.ts";
import { analyticsOf, type Metadata, metadataOf } from "./core_ml.ts";
import { functionPanes } from "./panes.ts";
import { placementRows } from "./placement.ts";
import { type WeightBytes, weightRows } from "./weights.ts";

/** The report of a `.mil` file. Throws a `UserError` if it cannot be read, or is no MIL text. */
export function milPage(path: string, choice: ChipChoice = {}): string {
  return page({ path, title: basename(path), program: programOf(path), extra: [], choice });
}

/** The report of a folder with a `model.mil`: what Xcode and coremltools compile a model to. */
export function coreMlPage(folder: string, choice: ChipChoice = {}): string {
  const path = insideFile(folder, "model.mil")!;
  const metadata = metadataOf(folder);
  const analytics = analyticsOf(folder);
  const placed = analytics.program === undefined ? [] : [analytics.program];
  return page({
    ...{ path, choice, placed, title: basename(folder) },
    program: programOf(path),
    extra: metadataSection(metadata, analytics.notes),
  });
}

function programOf(path: string): MilProgram {
  const text = new TextDecoder().decode(boundedBytes(path, MOST_TEXT));
  return parseMil({ path, text });
}

interface Parts {
  readonly path: string;
  readonly title: string;
  readonly program: MilProgram;
  /** Further programs that hold Apple's placement. */
  readonly placed?: readonly MilProgram[];
  readonly extra: readonly Section[];
  readonly choice: ChipChoice;
}

/** Mistakes that are shown in full. */
const MOST_MISTAKES = 20;

function page({ path, title, program, placed = [], extra, choice }: Parts): string {
  const mistakes = checkMil(program);
  const hasErrors = mistakes.some((d) => d.severity === "error");
  const stats = milStats(program);
  const { panes, left } = functionPanes(
    program.functions.map((f) => [`${f.name}<${f.opset}>`, f] as const),
  );
  const bytes = weightBytesOf(path);
  const weights = program.functions.flatMap((f) => weightRows(f, bytes));
  const placement = placementRows([program, ...placed].flatMap((p) => p.functions));
  const { chip = "m4", ...wish } = choice;
  const files = (name: string): Uint8Array | undefined => {
    const found = bytes(name);
    return found instanceof Uint8Array ? found : undefined;
  };
  const name = basename(path);
  const facts = hasErrors ? undefined : factsData([{ name, program, files }], wish);
  const total = (of: (f: FunctionStats) => number): number => stats.reduce((n, f) => n + of(f), 0);
  return renderPage({
    title,
    subtitle: path,
    module: "static",
    styles: ["graph"],
    figures: [
      ["MIL version", program.version],
      ["functions", String(stats.length)],
      ["ops", String(total((f) => f.statements - f.constants))],
      [
        "arithmetic a run",
        scaled(
          total((f) => f.flops),
          "FLOP",
        ),
      ],
      ["weights", bytesText(total((f) => f.weights.fileBytes))],
      ["constants in the text", bytesText(total((f) => f.weights.inlineBytes))],
    ],
    sections: [
      ...mistakesSection(mistakes),
      ...extra,
      graphSection(`The program op by op; constants stand in the op that reads them.${left}`),
      numbersSection(stats),
      ...(weights.length > 0 ? [WEIGHTS] : []),
      ...(placement.length > 0 ? [PLACEMENT] : []),
      ...(facts === undefined ? [] : [factsSection()]),
    ],
    data: {
      ...{ chip, graphs: panes },
      ...(weights.length > 0 ? { weights: weights satisfies readonly WeightRow[] } : {}),
      ...(placement.length > 0 ? { placement } : {}),
      ...(facts === undefined ? {} : { facts }),
    },
  });
}

/** Weight files beside the program, or in the folder above as some compiled models have them. */
function weightBytesOf(program: string): WeightBytes {
  const read = new Map<string, ReturnType<WeightBytes>>();
  const folder = dirname(program);
  const open = (name: string): ReturnType<WeightBytes> => {
    const rest = name.replace(/^@model_path\/*/, "");
    if (isAbsolute(rest))
      return { problem: "its file is named by an absolute path, which is not read" };
    const path = insideFile(folder, rest);
    return path === undefined
      ? { problem: "its file is not here" }
      : boundedBytes(path, MOST_WEIGHTS);
  };
  return (name) => {
    const known = read.get(name);
    if (known !== undefined) return known;
    let found: ReturnType<WeightBytes>;
    try {
      found = open(name);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      found = { problem: error.diagnostics[0]!.title };
    }
    read.set(name, found);
    return found;
  };
}

function mistakesSection(mistakes: readonly Diagnostic[]): Section[] {
  if (mistakes.length === 0) return [];
  const shown = [...mistakes]
    .sort((a, b) => (a.severity === b.severity ? 0 : a.severity === "error" ? -1 : 1))
    .slice(0, MOST_MISTAKES);
  const left = mistakes.length - shown.length;
  const more = left === 0 ? "" : `\n\nand ${left} more`;
  return [
    {
      id: "mistakes",
      title: "Mistakes",
      lead: "What the checker finds wrong in the program itself, whatever the chip.",
      body: `<div class="panel details"><pre>${escapeHtml(renderDiagnostics(shown) + more)}</pre></div>`,
    },
  ];
}

function metadataSection(metadata: Metadata, notes: readonly string[]): Section[] {
  if (metadata.length === 0 && notes.length === 0) return [];
  const rows = [...metadata, ...notes.map((note) => ["analytics", note] as const)];
  return [
    {
      id: "metadata",
      title: "Model",
      lead: "What the folder's metadata.json says.",
      body: table(["Field", "Value"], rows),
    },
  ];
}

function numbersSection(stats: readonly FunctionStats[]): Section {
  const ports = stats.flatMap((f) =>
    f.ports.map((p) => [
      ...[f.name, p.role, p.name, printType(p.type)],
      p.bytes === undefined ? "?" : bytesText(p.bytes),
    ]),
  );
  const ops = stats.flatMap((f) => f.ops.map(({ op, count: n }) => [f.name, op, String(n)]));
  const body =
    table(["Function", "Role", "Port", "Type", "Bytes"], ports) +
    `<details class="panel"><summary>Ops by count</summary>${table(["Function", "Op", "Count"], ops)}</details>`;
  return { id: "numbers", title: "Ports and ops", body };
}

/** Rows of text as a table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (list: readonly string[], tag: "th" | "td"): string =>
    `<tr>${list.map((c) => `<${tag}>${escapeHtml(c)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((row) => cells(row, "td")).join("");
  return `<div class="panel scroll"><table><thead>${cells(head, "th")}</thead><tbody>${body}</tbody></table></div>`;
}

const WEIGHTS: Section = {
  id: "weights",
  title: "Weights",
  lead: "Every place of a weight file that the program names, and how the first 1,048,576 of its values are spread.",
  body: '<div class="panel" id="weights_panel"></div>',
};

const PLACEMENT: Section = {
  id: "placement",
  title: "Apple's placement",
  lead: "What Apple's own tools wrote on the ops: the devices that support them, the times they estimate, and why not.",
  body: '<div class="panel scroll" id="placement_panel"></div>',
};
