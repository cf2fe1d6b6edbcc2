/** What `anec compile` and `anec cost` do with a chip: the search for a layout, and the check of programs. */
import type { Bundle } from "../compiler/bundle/manifest.ts";
import type { Graph } from "../compiler/ir/graph.ts";
import { listOf } from "../compiler/messages/message.ts";
import { parseMil } from "../compiler/mil/parse.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import { checkForChip } from "../compiler/target/check_chip.ts";
import type { ChipName } from "../compiler/target/chip_names.ts";
import { layoutName } from "../passes/ane/candidates.ts";
import {
  CAUSES,
  layoutSearch,
  type Search,
  type SearchOptions,
  type Weighed,
} from "../passes/ane/search.ts";
import type { ChipFlags } from "./chip_flag.ts";
import { milTexts } from "./compile_output.ts";
import type { Sink } from "./io.ts";
import { count, counted, grouped, table } from "./output.ts";
import { progressLine } from "./progress.ts";

/** `layoutSearch` that shows on `sink` how many layouts it has weighed. */
export function shownSearch(
  sink: Sink,
  graph: Graph,
  wish: Omit<SearchOptions, "chip">,
): (chip: ChipName) => Search {
  const line = progressLine(sink);
  let text = "";
  const onProgress = (done: number, all: number): void =>
    line.update(`${text}: layout ${done} of ${all}`, done, all);
  const search = layoutSearch(graph, { ...wish, onProgress });
  return (chip) => {
    text = chip;
    try {
      return search(chip);
    } finally {
      line.end();
    }
  };
}

/**
 * What the chip's engine would refuse, get wrong or be slow at, in all programs of a bundle: each fact
 * once, at the first program that goes against it.
 */
export function checkPrograms(bundle: Bundle, { chip, os }: ChipFlags): Diagnostic[] {
  if (chip === undefined) return [];
  const programs = bundle.manifest.programs;
  const found = new Map<string, { readonly first: Diagnostic; readonly others: string[] }>();
  for (const [file, text] of new Map(milTexts(bundle))) {
    const program = programs.find((p) => p.file === file)!;
    const bytes = program.weights === undefined ? undefined : bundle.files.get(program.weights);
    const target = { chip, ...(os === undefined ? {} : { os }), files: () => bytes };
    for (const d of checkForChip(parseMil({ path: file, text }), target)) {
      const known = found.get(factOf(d));
      if (known === undefined) found.set(factOf(d), { first: d, others: [] });
      else known.others.push(`\`${program.name}\``);
    }
  }
  return [...found.values()].map(({ first, others }) =>
    others.length === 0
      ? first
      : { ...first, notes: [...(first.notes ?? []), ["also in", listOf(others)] as const] },
  );
}

const factOf = ({ notes, code }: Diagnostic): string =>
  notes?.find(([key]) => key === "fact")?.[1] ?? code;

const ms = (value: number): string => value.toFixed(value >= 100 ? 1 : value >= 10 ? 2 : 3);

/** Candidates that are printed; the others are in the JSON. */
const SHOWN = 12;

/** The table of candidates, cheapest first, and why each one was not chosen. */
export function searchText({ chip, microSteps, chosen, candidates }: Search): string {
  const shown = candidates.filter((c, i) => i < SHOWN || c.isFixed || c.verdict !== "slower");
  const rows = shown.map((c) => [
    layoutName(c),
    grouped(c.dispatches),
    ms(c.ms),
    verdictOf(c, chosen),
  ]);
  const head = ["layout", "dispatches", "ms", ""];
  const left = candidates.length - shown.length;
  const notes = chosen.refusals.map((r) => `\`${r.program}\` cut into ${r.into.join(" and ")}`);
  return (
    `${counted(candidates.length, "layout", "layouts")} for ${chip}, predicted ms a micro-step ` +
    `(weights staged every ${count(microSteps, "micro-step")})\n\n` +
    table(rows, { head, right: [1, 2] }) +
    (left > 0 ? `  and ${grouped(left)} slower ones\n` : "") +
    `\n  chosen: ${chosen.programs.join(", ")}\n` +
    notes.map((note) => `  ${note} (fact tensor_extents)\n`).join("") +
    `  of it: ${CAUSES.map((c) => `${c} ${ms(chosen.causes[c])}`).join(", ")}\n\n`
  );
}

function verdictOf(c: Weighed, chosen: Weighed): string {
  if (c.verdict === "chosen") return "chosen";
  if (c.verdict === "illegal") return `illegal (${c.fact}): ${c.reason}`;
  return `slower by ${ms(c.ms - chosen.ms)}, most of it ${c.reason}`;
}

/** The search as `anec compile --json` has it. */
export function searchJson({ chip, microSteps, chosen, candidates }: Search) {
  const json = (c: Weighed) => ({
    name: c.name,
    weights: c.weights,
    splitK: c.splitK?.parts ?? 1,
    programs: c.programs,
    dispatches: c.dispatches,
    ms: c.ms,
    causes: c.causes,
    verdict: c.verdict,
    ...(c.fact === undefined ? {} : { fact: c.fact }),
    ...(c.reason === "" ? {} : { reason: c.reason }),
  });
  return { chip, microSteps, chosen: json(chosen), candidates: candidates.map(json) };
}
