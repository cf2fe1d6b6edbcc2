/** The page of some runs: as they are now (`anec report`), or as they go on (`anec dashboard`). */
import { renderPage, type Section } from "../page.ts";
import type { RunView } from "./view.ts";

/** A page that stands alone, with the charts of these runs on top of each other. */
export function runPage(runs: readonly RunView[]): string {
  const [first] = runs;
  const isOne = runs.length === 1 && first !== undefined;
  const model = first?.about.find(([label]) => label === "model")?.[1];
  return renderPage({
    title: isOne ? first.name : `${runs.length} runs`,
    ...(isOne && model !== undefined ? { subtitle: model } : {}),
    ...page(runs, false),
  });
}

/** The page that `anec dashboard` serves: it is empty, and asks `events` of its server for the runs. */
export function livePage(): string {
  return renderPage({ title: "Dashboard", isLive: true, ...page([], true) });
}

function page(runs: readonly RunView[], live: boolean) {
  return {
    sections: sections(live),
    data: { runs, live },
    module: "chart_page",
    styles: ["chart"],
  };
}

const sections = (live: boolean): readonly Section[] => [
  {
    id: "overview",
    title: "Overview",
    body: `<div id="run_table"></div><p class="note" id="empty">Waiting for a first line.</p>`,
  },
  {
    id: "curves",
    title: "Curves",
    lead:
      "Point, or use the arrow keys, to read values; drag sideways to look closer, double-click to see " +
      "everything again.",
    body: `
<div class="chart-tools"><div class="toolbar">
  <div id="legend" role="group" aria-label="What is drawn"></div>
  <span class="grow"></span>
  <button type="button" id="reset" hidden>Show everything</button>
  <label>Smoothing <input type="range" id="smoothing" min="0" max="8" step="0.25" value="2">
    <output id="smoothing_value" for="smoothing"></output></label>
  <label>Over <select id="axis">
    <option value="step">micro-steps</option>
    <option value="tokens">tokens</option>
    <option value="seconds">time</option>
  </select></label>
  ${live ? '<span id="live" class="badge muted" role="status">connecting</span>' : ""}
</div></div>
<div class="chart-grid" id="charts"></div>
<p class="unheard" id="said" aria-live="polite"></p>`,
  },
  {
    id: "shares",
    title: "Where the time goes",
    lead:
      "Milliseconds of a micro-step by who is at work, over the last tenth of a run. The engine, staging and " +
      "the host work at the same time, so their sum may be more than a micro-step takes.",
    body: `<div id="share_bars"></div>`,
  },
  { id: "events", title: "Events", body: `<div id="event_table"></div>` },
  {
    id: "about",
    title: "Settings",
    lead: "What is not the same in all runs is marked.",
    body: `<div id="about_table"></div>`,
  },
];
