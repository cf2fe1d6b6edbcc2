/** What `anec compile` prints: the summary, the schedule, parameters, times of passes. */
import type { Bundle, Manifest, Port } from "../compiler/bundle/manifest.ts";
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import { elementCount, shapeName, sizesOf } from "../compiler/ir/types.ts";
import { listOf } from "../compiler/messages/message.ts";
import type { Compilation, Moves, Refusal } from "../index.ts";
import type { PassReport } from "../passes/pass.ts";
import { scheduleText } from "../passes/schedule_text.ts";
import { bytesText, count, counted, grouped, pairs, scaled, table } from "./output.ts";

/** The MIL programs of a bundle: path → text. */
export function milTexts({ manifest, files }: Bundle): [string, string][] {
  const decoder = new TextDecoder();
  const paths = new Set(manifest.programs.map((p) => p.file));
  return [...paths].map((path) => [path, decoder.decode(files.get(path))]);
}

export function parametersJson(graph: Graph) {
  return graph.params.map((p) => ({
    path: leafName(p),
    dims: shapeName(p.type.shape),
    shape: sizesOf(p.type.shape),
    dtype: p.type.dtype,
    init: (p.attrs["init"] as string | undefined) ?? null,
    elements: elementCount(p.type.shape),
  }));
}

/** What the `ane` target moves, and its programs. */
export function movesJson({ moves, bundle }: Compilation) {
  if (moves === undefined) return {};
  const ports = (list: readonly Port[]) =>
    list.map(({ name, shape, bytes }) => ({ name, shape, bytes }));
  return {
    ...moves,
    programs: bundle.manifest.programs.map(({ name, ops, inputs, outputs, calls }) => ({
      name,
      ops,
      inputs: ports(inputs),
      outputs: ports(outputs),
      callsPerMicroStep: calls,
    })),
  };
}

/** One line for each parameter: path, shape as declared, sizes, initial values, elements. */
export function printParameters(graph: Graph): string {
  const list = parametersJson(graph);
  const rows = list.map((p) => [
    p.path,
    p.dims,
    p.shape.join("×"),
    p.init ?? "–",
    grouped(p.elements),
  ]);
  const total = list.reduce((n, p) => n + p.elements, 0);
  return `${table(rows, { right: [4], indent: 0 })}${count(total, "parameter")} in ${count(list.length, "tensor")}\n`;
}

/** One line for each step, in order, then the values that the entry returns. */
export function printSchedule(manifest: Manifest): string {
  const outputs = Object.entries(manifest.outputs).map(
    ([name, value]) => `output ${name} = ${value}\n`,
  );
  return `${scheduleText(manifest)}${outputs.join("")}`;
}

export function printTimes(reports: readonly PassReport[]): string {
  const rows = reports.map((r) => [
    r.name,
    `${r.milliseconds.toFixed(1)} ms`,
    r.changed ? counted(r.matches, "match", "matches") : "no change",
    `${r.nodesBefore} → ${r.nodesAfter} nodes`,
  ]);
  const total = reports.reduce((sum, r) => sum + r.milliseconds, 0);
  return table([...rows, ["all passes", `${total.toFixed(1)} ms`]], { right: [1] });
}

interface Names {
  readonly path: string;
  readonly entry: string;
  readonly out: string;
  /** 1 or undefined: none is needed. */
  readonly lossScale: number | undefined;
}

export function printSummary(
  { path, entry, out, lossScale = 1 }: Names,
  { stats, bundle, moves }: Compilation,
): string {
  const { manifest, files } = bundle;
  const bytes = [...files.values()].reduce((n, file) => n + file.length, 0);
  const isEngine = manifest.target === "ane";
  const head = `${entry} of ${path}, for ${isEngine ? "the ANE" : "the cpu device"}\n\n`;
  const runs = isEngine
    ? counted(stats.dispatches, "dispatch", "dispatches")
    : count(stats.dispatches, "command");
  const facts = pairs([
    ["programs", `${grouped(stats.programs)}, ${runs} a run`],
    ["ops", grouped(stats.ops)],
    ["parameters", grouped(stats.parameters)],
    [
      isEngine ? "surfaces" : "buffers",
      `${grouped(stats.surfaces)}, ${bytesText(stats.surfaceBytes)}`,
    ],
    ["arithmetic", `${scaled(stats.flops, "FLOP")} a run`],
    ...(moves === undefined ? [] : movesText(moves)),
    ...(lossScale === 1
      ? []
      : [["loss scale", `${lossScale}, so that small gradients keep their digits`] as const]),
  ]);
  const programs = manifest.programs.map((p) => [
    p.name,
    grouped(p.calls),
    grouped(p.ops),
    shapesText(p.inputs),
    shapesText(p.outputs),
    bytesText([...p.inputs, ...p.outputs].reduce((n, port) => n + port.bytes, 0)),
    scaled(p.flops, "FLOP"),
  ]);
  const titles = ["program", "calls", "ops", "inputs", "outputs", "surfaces", "arithmetic"];
  const list =
    programs.length === 0 ? "" : `\n${table(programs, { head: titles, right: [1, 2, 5, 6] })}`;
  const refusals = (moves?.refusals ?? []).map(refusalText).join("");
  return `${head}${facts}${list}${refusals}\nwrote ${out}: ${count(files.size + 1, "file")}, ${bytesText(bytes)} and a manifest\n`;
}

/** What passes between host and surfaces for each run, and when weights changed. */
function movesText({ perMicroStep, perUpdate }: Moves): (readonly [string, string])[] {
  const { bytesWritten, bytesRead, bytesCopied } = perMicroStep;
  const parts = [
    `${bytesText(bytesWritten)} written`,
    `${bytesText(bytesRead)} read`,
    `${bytesText(bytesCopied)} copied`,
  ];
  return [
    ["traffic", `${parts.join(", ")} a run`],
    ["staging", `${bytesText(perUpdate.bytesStaged)} when weights change`],
  ];
}

/** Rows and columns of ports: `512×896`; of many equal ones how often. */
function shapesText(ports: readonly Port[]): string {
  const counts = new Map<string, number>();
  for (const { shape } of ports) {
    const text = `${shape[1]}×${shape[3]}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const texts = [...counts].map(([text, times]) => (times === 1 ? text : `${times} of ${text}`));
  const left = texts.length - SHAPES_MOST;
  return left > 0 ? `${texts.slice(0, SHAPES_MOST).join(", ")}, ${left} more` : texts.join(", ");
}

/** Shapes that a line of the summary has room for. */
const SHAPES_MOST = 3;

/** Why a program was cut: as a note in the form of diagnostics. */
function refusalText({ program, columns, limit, fact, into }: Refusal): string {
  const note = `note: \`${program}\` would need ${grouped(columns)} columns; an axis has at most ${grouped(limit)}`;
  return `\n${note}\n\n  cut into ${listOf(into.map((name) => `\`${name}\``))}\n  fact   ${fact} (docs/facts/${fact}.md)\n`;
}
