/** Weights of a MIL program with their histograms, and Apple's placement of its ops. */

import { bytesText, grouped } from "../../compiler/support/numbers.ts";
import type { PlacementRow, ValueStats, WeightRow } from "../model/data.ts";
import { type Child, el, svg } from "./dom.ts";
import { timeText } from "./time_text.ts";

/** Rows that are shown until more are asked for. */
const PAGE = 200;

export function mountWeights(host: Element, rows: readonly WeightRow[]): void {
  const body = el("tbody", {});
  const find = el("input", {
    type: "search",
    placeholder: "Find a weight",
    "aria-label": "Find a weight",
  });
  const note = el("span", { class: "muted" });
  const show = (): void => {
    const wanted = find.value.trim().toLowerCase();
    const found = rows.filter(({ name }) => name.toLowerCase().includes(wanted));
    body.replaceChildren(...found.slice(0, PAGE).map(weightRow));
    const shown = Math.min(PAGE, found.length);
    note.textContent = `${grouped(shown)} of ${grouped(rows.length)}`;
  };
  find.addEventListener("input", show);
  show();
  host.append(
    el("div", { class: "toolbar" }, find, note),
    el(
      "div",
      { class: "scroll" },
      el(
        "table",
        { class: "weights" },
        headOf("Weight", "Type", "Bytes", "Least", "Mean", "Most", "Zeros", "Values"),
        body,
      ),
    ),
  );
}

function headOf(...titles: readonly string[]): Element {
  return el("thead", {}, el("tr", {}, ...titles.map((t) => el("th", { scope: "col" }, t))));
}

function weightRow({ name, type, bytes, place, stats, problem }: WeightRow): Element {
  const number = (text: string): Element => el("td", { class: "number" }, text);
  const cells: Element[] =
    stats === undefined
      ? [el("td", { colspan: 5, class: "muted" }, problem ?? "")]
      : [
          number(stats.least.toPrecision(4)),
          number(stats.mean.toPrecision(3)),
          number(stats.most.toPrecision(4)),
          number(`${(100 * stats.zeros).toFixed(1)} %`),
          el("td", {}, histogram(stats)),
        ];
  return el(
    "tr",
    {},
    el("th", { scope: "row", title: place }, name),
    el("td", { class: "mono" }, type),
    number(bytesText(bytes)),
    ...cells,
  );
}

function histogram({ histogram: counts, looked, notFinite, least, most }: ValueStats): Element {
  const highest = Math.max(1, ...counts);
  const words = `${grouped(looked)} values from ${least.toPrecision(3)} to ${most.toPrecision(3)}${
    notFinite > 0 ? `, ${grouped(notFinite)} not finite` : ""
  }`;
  const bars = counts.map((n, i) => {
    const height = (26 * n) / highest;
    return svg("rect", { x: i * 4, y: 28 - height, width: 3.2, height });
  });
  return el(
    "span",
    { class: "histogram" },
    svg(
      "svg",
      { viewBox: `0 0 ${counts.length * 4} 28`, role: "img", "aria-label": words },
      svg("title", {}, words),
      ...bars,
    ) as unknown as Child,
    ...(notFinite > 0
      ? [el("span", { class: "badge bad" }, `${grouped(notFinite)} not finite`)]
      : []),
  );
}

export function mountPlacement(host: Element, rows: readonly PlacementRow[]): void {
  const devices = [
    ...new Set(rows.flatMap((r) => [...Object.keys(r.supported), ...Object.keys(r.milliseconds)])),
  ].sort();
  const body = rows.map(({ op, count, supported, milliseconds, messages }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, op),
      el("td", { class: "number" }, grouped(count)),
      ...devices.map((device) => {
        const ms = milliseconds[device];
        const time = ms === undefined ? "" : ` · ${timeText(ms)}`;
        const n = supported[device] ?? 0;
        return el(
          "td",
          { class: n === count ? "good" : n === 0 ? "bad" : "warn" },
          `${grouped(n)} of ${grouped(count)}${time}`,
        );
      }),
      el(
        "td",
        {},
        ...messages.map(([device, text]) => el("div", {}, el("code", {}, device), ` ${text}`)),
      ),
    ),
  );
  host.append(
    el("table", {}, headOf("Op", "Count", ...devices, "Apple says"), el("tbody", {}, ...body)),
  );
}
