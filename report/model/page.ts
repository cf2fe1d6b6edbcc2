/**
 * The report of a compiled model: the graph before and after fusion, programs and surfaces, the timeline of
 * a step on each chip, and what is known of the hardware against the programs.
 */
import type { Manifest } from "../../compiler/bundle/manifest.ts";
import type { Graph } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { count } from "../../compiler/messages/files.ts";
import { parseMil } from "../../compiler/mil/parse.ts";
import { bug } from "../../compiler/support/bug.ts";
import { bytesText, scaled } from "../../compiler/support/numbers.ts";
import type { ChipName } from "../../compiler/target/chip_names.ts";
import type { Compilation, CompileOptions } from "../../index.ts";
import { type CheckedProgram, type FactsOptions, factsData } from "../facts.ts";
import { drawingOf } from "../graph/arrange.ts";
import type { Pane } from "../graph/drawing.ts";
import { sourceOfGraph } from "../graph/from_ir.ts";
import { functionPanes, type Titled } from "../mil/panes.ts";
import { type Page, renderPage, type Section } from "../page.ts";
import { placedGraph } from "./placed_graph.ts";
import { programsOf } from "./surfaces.ts";
import { timelineOf } from "./timeline.ts";

/** Which chip is shown first, and the system its facts are checked for. */
export interface ChipChoice extends Pick<FactsOptions, "os" | "onProgress"> {
  readonly chip?: ChipName;
}

export interface ModelReport extends ChipChoice {
  /** `train:tiny`. */
  readonly entry: string;
  readonly path: string;
  /** As written. */
  readonly graph: Graph;
  readonly compiled: Compilation;
  readonly options: CompileOptions;
}

/** The report of a model that was just compiled for the engine. */
export function modelPage({
  entry,
  path,
  graph,
  compiled,
  options,
  ...choice
}: ModelReport): string {
  const { bundle, stats, hostNodes } = compiled;
  const before = drawingOf(sourceOfGraph(graph));
  const { source, meanings } = placedGraph(compiled, options);
  const after = drawingOf(source);
  const panes: Pane[] = [
    { title: "As written", note: count(before.total, "op"), drawing: before },
    {
      title: "After fusion",
      note: `${count(after.total, "op")}, ${count(stats.programs, "program")}`,
      drawing: after,
    },
  ];
  return renderPage({
    title: entry,
    subtitle: `${path}, compiled for the Neural Engine`,
    figures: [
      ["parameters", scaled(stats.parameters, "")],
      ["arithmetic a run", scaled(stats.flops, "FLOP")],
      ["programs", String(stats.programs)],
      ["dispatches a run", String(stats.dispatches)],
      ["surfaces", `${stats.surfaces}, ${bytesText(stats.surfaceBytes)}`],
    ],
    ...contents({ bundle, panes, choice, meanings, hostNodes: hostNodes ?? [], lead: GRAPH_LEAD }),
  });
}

const GRAPH_LEAD =
  "Left the graph as it was written, right what is run: one box a program of the engine, the rest on the host. " +
  "Equal layers are drawn once. A node lights up everything that came from the same place of the source.";

/** A bundle as it was read from a folder. */
export interface ReadBundle {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The report of a bundle, which has no graph any more: its programs are drawn op by op. */
export function bundlePage(path: string, bundle: ReadBundle, choice: ChipChoice = {}): string {
  const { manifest } = bundle;
  const texts = textsOf(bundle);
  const titled = [...texts].flatMap(([file, text]) =>
    parseMil({ path: file, text }).functions.map((f): Titled => {
      const names = manifest.programs.filter((p) => p.file === file).map((p) => p.name);
      return [names.join(", "), f];
    }),
  );
  const { panes, left } = functionPanes(titled);
  const bytes = manifest.surfaces.reduce((n, s) => n + 2 * s.shape.reduce((a, b) => a * b, 1), 0);
  const dispatches = manifest.programs.reduce((n, p) => n + p.calls, 0);
  return renderPage({
    title: manifest.entry,
    subtitle: `${path}, a bundle for ${manifest.target === "ane" ? "the Neural Engine" : "the host"}`,
    figures: [
      ["tensors of parameters", String(manifest.parameters.length)],
      ["programs", String(manifest.programs.length)],
      ["dispatches a run", String(dispatches)],
      ["surfaces", `${manifest.surfaces.length}, ${bytesText(bytes)}`],
    ],
    ...contents({ bundle, panes, choice, lead: `The programs of the bundle, op by op.${left}` }),
  });
}

const decoder = new TextDecoder();

function textsOf({ manifest, files }: ReadBundle): Map<string, string> {
  return new Map(
    manifest.programs.map((p) => [p.file, decoder.decode(files.get(p.file) ?? bug(p.file))]),
  );
}

interface Contents {
  readonly bundle: ReadBundle;
  readonly panes: readonly Pane[];
  readonly choice: ChipChoice;
  /** Of the graph's section. */
  readonly lead: string;
  /** Of a model that was just compiled. */
  readonly hostNodes?: readonly Node[];
  readonly meanings?: ReadonlyMap<string, string>;
}

function contents({
  bundle,
  panes,
  choice: { chip = "m4", ...choice },
  lead,
  hostNodes,
  meanings,
}: Contents): Pick<Page, "sections" | "data" | "module" | "styles"> {
  const { manifest, files } = bundle;
  const texts = textsOf(bundle);
  const checked = manifest.programs.map(({ name, file, weights }): CheckedProgram => {
    const bytes = weights === undefined ? undefined : files.get(weights);
    const program = parseMil({ path: file, text: texts.get(file)! });
    return { name, program, files: () => bytes };
  });
  const hasPrograms = manifest.programs.length > 0;
  const timeline = timelineOf({
    manifest,
    texts,
    ...(hostNodes === undefined ? {} : { hostNodes }),
  });
  return {
    module: "static",
    styles: ["graph"],
    sections: [
      graphSection(lead),
      ...(hasPrograms ? [PROGRAMS, timelineSection(hostNodes !== undefined), factsSection()] : []),
    ],
    data: {
      chip,
      graphs: panes,
      ...(hasPrograms
        ? {
            programs: programsOf(manifest, meanings),
            timeline,
            facts: factsData(checked, choice),
          }
        : {}),
    },
  };
}

/** Graphs side by side. */
export function graphSection(lead: string): Section {
  return {
    id: "graph",
    title: "Graph",
    lead,
    body:
      '<ul class="legend" id="graph_legend"></ul><div class="panes" id="graph_panes"></div>' +
      '<div class="panel details" id="graph_details" aria-live="polite">' +
      '<p class="muted">Choose a node to see its shapes, its source and its MIL here; choose a program for its whole text. ' +
      "With the keyboard: arrows walk along the edges, Shift and arrows move, + − 0 zoom.</p></div>",
  };
}

const PROGRAMS: Section = {
  id: "programs",
  title: "Programs and surfaces",
  lead:
    "Every port to one scale: rows are channels, columns the last axis. Weights lie side by side in the columns " +
    "of one surface; grey columns are the padding up to the next row.",
  body: '<div id="program_list"></div>',
};

function timelineSection(knowsHost: boolean): Section {
  const guess = "What the ops of the host take is guessed from what passes through surfaces. ";
  return {
    id: "timeline",
    title: "Timeline of a run",
    lead:
      "Predicted, one step after another, as `anec cost` adds them up; the runtime lets steps overlap that need " +
      `not wait. ${knowsHost ? "" : guess}Measurements that the model was not fitted to are off by a factor of 1.29 in the median.`,
    body: '<div class="panel" id="timeline_panel"></div>',
  };
}

/** The checker's verdict. */
export function factsSection(): Section {
  return {
    id: "facts",
    title: "Facts about the hardware",
    lead:
      "What each chip's engine would refuse, get wrong or be slow at, by what is known of it. These are " +
      "predictions; Apple's own compiler decides. `anec facts NAME` prints all that is known of one.",
    body: '<div class="panel" id="facts_panel"></div>',
  };
}
