/**
 * The page of some runs: their charts with everything around. On the page of `anec dashboard` the runs come from its
 * server and are drawn again as they change; on that of `anec report` they are part of the page.
 */
import type { RunView } from "../run/view.ts";
import { createChart } from "./chart.ts";
import type { Chart, ChartHost, Frame } from "./chart_input.ts";
import { type Axis, linesOf, runCharts, type ShownRun } from "./chart_runs.ts";
import { durationText, numberText } from "./chart_scale.ts";
import { aboutTable, eventTable, runTable, shareBars } from "./chart_tables.ts";
import { byId, dataOf, el, fill } from "./dom.ts";

const COLORS = 8;

const state = {
  runs: dataOf<readonly RunView[]>("runs"),
  hidden: new Set<string>(),
  parts: { train: true, validation: true },
  axis: "step" as Axis,
  smoothing: 0.6,
  zoom: null as readonly [number, number] | null,
};
const isLive = dataOf<boolean>("live");

/** A run keeps its colour while others come and go. */
const colors = new Map<string, string>();
function colorOf(name: string): string {
  const color = colors.get(name) ?? `var(--c${1 + (colors.size % COLORS)})`;
  colors.set(name, color);
  return color;
}

const shownRuns = (): ShownRun[] => state.runs.map((view) => ({ view, color: colorOf(view.name) }));

const host: ChartHost = {
  point(x, by) {
    for (const { chart } of charts) chart.point(x, chart === by);
    byId("said").textContent =
      x === null ? "" : (document.querySelector(".tip")?.textContent ?? "");
  },
  zoom(range) {
    state.zoom = range;
    drawCharts();
  },
};

const charts: readonly { readonly kind: (typeof runCharts)[number]; readonly chart: Chart }[] =
  runCharts.map((kind) => ({ kind, chart: createChart(kind, host) }));

const xTexts: Readonly<Record<Axis, (x: number) => string>> = {
  step: (x) => `micro-step ${Math.round(x).toLocaleString("en")}`,
  tokens: (x) => `${Math.round(x).toLocaleString("en")} tokens`,
  seconds: (x) => durationText(x),
};
const xLabels: Readonly<Record<Axis, string>> = {
  ...{ step: "micro-steps", tokens: "tokens", seconds: "seconds" },
};

function drawCharts(): void {
  const runs = shownRuns().filter(({ view }) => !state.hidden.has(view.name));
  const all = charts.map(({ kind }) => linesOf(kind, runs, state.parts, state.axis));
  const ends = all.flat().flatMap(({ x }) => [x[0] ?? 0, x.at(-1) ?? 0]);
  const [low, high] = state.zoom ?? [Math.min(0, ...ends), Math.max(1, ...ends)];
  const frame: Frame = {
    ...{ low, high, smoothing: state.smoothing },
    ...{ xText: xTexts[state.axis], xLabel: xLabels[state.axis] },
  };
  for (const [i, { chart }] of charts.entries()) {
    const lines = all[i]!;
    // Charts of what no run has would only take room.
    const isAny = linesOf(charts[i]!.kind, shownRuns(), BOTH, state.axis).length > 0;
    chart.element.hidden = !isAny && state.runs.length > 0;
    chart.draw(lines, frame);
  }
  byId("reset").toggleAttribute("hidden", state.zoom === null);
}

const BOTH = { train: true, validation: true };

function toggle(label: string, isOn: boolean, color: string | null, act: () => void): HTMLElement {
  const swatches =
    color === null ? [] : [el("span", { class: "swatch", style: `--swatch: ${color}` })];
  const button = el(
    "button",
    { type: "button", class: "toggle", "aria-pressed": String(isOn) },
    ...swatches,
    label,
  );
  button.addEventListener("click", act);
  return button;
}

function drawLegend(): void {
  const runs = shownRuns().map(({ view: { name }, color }) =>
    toggle(name, !state.hidden.has(name), color, () => {
      if (!state.hidden.delete(name)) state.hidden.add(name);
      drawLegend();
      drawCharts();
    }),
  );
  const parts = (["train", "validation"] as const).map((part) =>
    toggle(part === "train" ? "training ─" : "validation ╌", state.parts[part], null, () => {
      state.parts[part] = !state.parts[part];
      drawLegend();
      drawCharts();
    }),
  );
  // Drawn anew, the button that was pressed keeps the focus.
  const legend = byId("legend");
  const at = [...legend.children].indexOf(document.activeElement as Element);
  fill(legend, ...runs, el("span", { class: "divider" }), ...parts);
  if (at >= 0) (legend.children[at] as HTMLElement | undefined)?.focus();
}

function drawTables(): void {
  const runs = shownRuns();
  const now = isLive ? Date.now() / 1000 : undefined;
  fill(byId("run_table"), runTable(runs, now));
  fill(byId("share_bars"), shareBars(runs));
  fill(byId("event_table"), eventTable(runs));
  fill(byId("about_table"), aboutTable(runs));
}

function drawAll(): void {
  byId("empty").toggleAttribute("hidden", state.runs.length > 0);
  drawLegend();
  drawCharts();
  drawTables();
}

function watchControls(): void {
  const smoothing = byId("smoothing") as HTMLInputElement;
  smoothing.addEventListener("input", () => {
    // Finer towards 1: each step doubles about what is averaged over.
    const value = Number(smoothing.value);
    state.smoothing = value === 0 ? 0 : 1 - 2 ** -value;
    byId("smoothing_value").textContent =
      value === 0 ? "off" : `${numberText(1 / (1 - state.smoothing))} points`;
    drawCharts();
  });
  const axis = byId("axis") as HTMLSelectElement;
  axis.addEventListener("change", () => {
    state.axis = axis.value as Axis;
    state.zoom = null;
    drawCharts();
  });
  byId("reset").addEventListener("click", () => host.zoom(null));
  smoothing.dispatchEvent(new Event("input"));
}

/** What the server of `anec dashboard` sends: the names of all runs, and runs that have changed. */
function listen(): void {
  const source = new EventSource("events");
  const status = byId("live");
  const say = (text: string, css: string): void => {
    status.textContent = text;
    status.className = `badge ${css}`;
  };
  let isAsked = false;
  const soon = (): void => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      drawAll();
    });
  };
  source.addEventListener("open", () => say("live", "running"));
  source.addEventListener("error", () => say("no answer, trying again", "bad"));
  const views = new Map<string, RunView>();
  let names: readonly string[] = [];
  const show = (): void => {
    state.runs = names.flatMap((name) => views.get(name) ?? []);
    soon();
  };
  source.addEventListener("runs", (event) => {
    names = JSON.parse(event.data as string) as readonly string[];
    show();
  });
  source.addEventListener("run", (event) => {
    const run = JSON.parse(event.data as string) as RunView;
    views.set(run.name, run);
    show();
  });
  // A run falls silent without a word.
  setInterval(drawTables, 5000);
}

fill(byId("charts"), ...charts.map(({ chart }) => chart.element));
watchControls();
drawAll();
if (isLive) listen();
