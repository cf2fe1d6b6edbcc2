/** What stands around the charts: how the runs are doing, where their time goes, what happened, what they are. */
import type { RunView } from "../run/view.ts";
import { SHARES, type ShownRun, sharesOf } from "./chart_runs.ts";
import { durationText, numberText } from "./chart_scale.ts";
import { type Child, el } from "./dom.ts";

const swatch = (color: string): HTMLElement =>
  el("span", { class: "swatch", style: `--swatch: ${color}` });
const number = (text: Child): HTMLElement => el("td", { class: "number" }, text);
const orDash = (value: number | null | undefined, text: (v: number) => string): string =>
  value === null || value === undefined ? "–" : text(value);

function tableOf(head: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
  const titles = head.map((title) => {
    const isNumber = title.startsWith("#");
    return el(
      "th",
      { scope: "col", ...(isNumber ? { class: "number" } : {}) },
      title.replace(/^#/, ""),
    );
  });
  return el(
    "div",
    { class: "panel scroll" },
    el("table", {}, el("thead", {}, el("tr", {}, ...titles)), el("tbody", {}, ...rows)),
  );
}

/** Seconds without a new line after which a run is not called running any more. */
const SILENT = 60;

function stateOf({ now }: RunView, at: number): readonly [text: string, css: string] {
  if (now.end === "stopped") return ["stopped", "warn"];
  if (now.end !== null) return ["done", "good"];
  return at - now.time < SILENT ? ["running", "running"] : ["silent", "warn"];
}

const best = (values: readonly (number | null)[]): number | undefined =>
  values.reduce<number | undefined>(
    (low, v) => (v === null || (low !== undefined && low <= v) ? low : v),
    undefined,
  );

/** One row a run. `at` is now, in seconds since 1970; undefined on a page that does not change. */
export function runTable(runs: readonly ShownRun[], at: number | undefined): HTMLElement {
  const rows = runs.map(({ view, color }) => {
    const { now, train, validation, bitsPerNat } = view;
    const [state, css] = stateOf(view, at ?? Number.POSITIVE_INFINITY);
    const part = now.steps === null || now.steps === 0 ? null : Math.min(1, now.step / now.steps);
    const lowest = best(validation.loss);
    const steps = `${now.step.toLocaleString("en")}${now.steps === null ? "" : ` of ${now.steps.toLocaleString("en")}`}`;
    const bar = el("span", { class: "progress", style: `--part: ${100 * (part ?? 0)}%` });
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, swatch(color), " ", view.name),
      el("td", {}, el("span", { class: `badge ${css}` }, state)),
      number(el("span", {}, steps, ...(part === null ? [] : [bar]))),
      number(orDash(train.loss.at(-1), (v) => v.toFixed(4))),
      number(orDash(lowest, (v) => v.toFixed(4))),
      number(lowest === undefined ? "–" : orDash(bitsPerNat, (v) => (v * lowest).toFixed(4))),
      number(orDash(now.tokensPerSecond, (v) => Math.round(v).toLocaleString("en"))),
      number(now.end === null ? orDash(now.secondsLeft, durationText) : "–"),
    );
  });
  const head = [
    ...["run", "state", "#micro-steps", "#training loss", "#best validation", "#bits per byte"],
    ...["#tokens/s", "#time left"],
  ];
  return tableOf(head, rows);
}

/** A bar a run, to one scale: the milliseconds of a micro-step by who was at work. */
export function shareBars(runs: readonly ShownRun[]): HTMLElement {
  const found = runs.map(({ view, color }) => ({ view, color, shares: sharesOf(view) }));
  const known = found.filter(({ shares }) => shares.length > 0);
  if (known.length === 0) return el("p", { class: "note" }, "The logs do not say.");
  const sum = (list: readonly { readonly ms: number }[]): number =>
    list.reduce((all, { ms }) => all + ms, 0);
  const most = Math.max(...known.map(({ shares }) => sum(shares)));
  const bars = known.map(({ view, color, shares }) => {
    const parts = shares.map(({ name, color: fillColor, ms }) =>
      el("span", {
        class: "share",
        style: `--swatch: ${fillColor}; width: ${(100 * ms) / most}%`,
        title: `${name}: ${numberText(ms)} ms`,
      }),
    );
    const words = shares.map(({ name, ms }) => `${name} ${numberText(ms)} ms`).join(", ");
    return el(
      "div",
      { class: "share-row" },
      el("span", { class: "share-name" }, swatch(color), " ", view.name),
      el("span", { class: "share-bar", role: "img", "aria-label": words }, ...parts),
      el("span", { class: "share-sum number" }, `${numberText(sum(shares))} ms`),
      el("span", { class: "share-words muted" }, words),
    );
  });
  const used = SHARES.filter(({ name }) =>
    known.some(({ shares }) => shares.some((s) => s.name === name)),
  );
  const legend = used.map(({ name, color }) => el("li", {}, swatch(color), name));
  return el("div", { class: "panel shares" }, el("ul", { class: "legend" }, ...legend), ...bars);
}

/** What happened, the latest first. */
export function eventTable(runs: readonly ShownRun[]): HTMLElement {
  const all = runs.flatMap(({ view, color }) =>
    view.events.map((event) => ({ event, color, name: view.name })),
  );
  if (all.length === 0) return el("p", { class: "note" }, "Nothing yet.");
  all.sort((a, b) => b.event.time - a.event.time);
  const css = { resumed: "", end: "good", fault: "warn", trouble: "bad" } as const;
  const rows = all.map(({ event, color, name }) =>
    el(
      "tr",
      {},
      el("td", { class: "when" }, new Date(event.time * 1000).toLocaleString("sv")),
      el("th", { scope: "row" }, swatch(color), " ", name),
      number(event.step.toLocaleString("en")),
      el("td", {}, el("span", { class: `badge ${css[event.kind]}` }, event.kind)),
      el("td", {}, event.text),
    ),
  );
  return tableOf(["when", "run", "#step", "", "what"], rows);
}

/** What the runs are, side by side; what is not the same in all of them stands out. */
export function aboutTable(runs: readonly ShownRun[]): HTMLElement {
  const labels = [...new Set(runs.flatMap(({ view }) => view.about.map(([label]) => label)))];
  const rows = labels.map((label) => {
    const texts = runs.map(({ view }) => view.about.find(([other]) => other === label)?.[1] ?? "–");
    const differs = new Set(texts).size > 1;
    const cells = texts.map((text) => el("td", differs ? { class: "differs" } : {}, text));
    return el("tr", {}, el("th", { scope: "row" }, label), ...cells);
  });
  return tableOf(["", ...runs.map(({ view }) => view.name)], rows);
}
