/** The steps of a run on one chip, in three lanes, and all chips compared. */
import type { ChipTimes, Timeline, TimelineStep } from "../model/data.ts";
import { chipSelect, chipText, chooseChip, onChip } from "./chip.ts";
import { button, el, fill, svg } from "./dom.ts";
import { timeText } from "./time_text.ts";
import { hideTip, showTip } from "./tip.ts";

const LANES: readonly (readonly [TimelineStep["lane"], string, string])[] = [
  ["engine", "Neural Engine", "--c1"],
  ["copies", "surfaces", "--c3"],
  ["host", "host", "--c2"],
];
const CAUSES = [
  "dispatch",
  "products",
  "weights",
  "surfaces",
  "elementwise",
  "moves",
  "spill",
  "tasks",
] as const;
const ROW = 46;
const AXIS = 4;
const MOST_ZOOM = 64;

export function mountTimeline(host: Element, { steps, chips }: Timeline): void {
  const chart = el("div", {
    class: "scroll timeline",
    tabindex: 0,
    role: "group",
    "aria-label": "Timeline; scrolls sideways when it is widened",
  });
  const total = el("strong", {});
  let zoom = 1;
  let shown: ChipTimes | undefined;
  const draw = (): void => {
    if (shown !== undefined)
      fill(chart, axis(sum(shown.ms), zoom), timelineShape(steps, shown, zoom));
  };
  const widen = (factor: number) => (): void => {
    zoom = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
    draw();
  };
  host.append(
    el(
      "div",
      { class: "toolbar" },
      chipSelect(chips.map((c) => c.chip)),
      total,
      el(
        "ul",
        { class: "legend grow" },
        ...LANES.map(([, name, c]) =>
          el("li", {}, el("span", { class: "swatch", style: `--swatch: var(${c})` }), name),
        ),
      ),
      button("−", "Narrow the timeline", widen(0.5)),
      button("+", "Widen the timeline", widen(2)),
    ),
    chart,
    comparison(steps, chips),
  );
  onChip((name) => {
    shown = chips.find((c) => c.chip === name);
    if (shown === undefined) return;
    const borrowed =
      shown.borrowed === undefined ? "" : ` (by the constants of ${chipText(shown.borrowed)})`;
    fill(total, `${timeText(sum(shown.ms))} a run${borrowed}`);
    draw();
  });
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** The time at each tick. */
function axis(all: number, zoom: number): Element {
  const row = el("div", { class: "axis muted" });
  row.style.width = `${100 * zoom}%`;
  for (let i = 0; i < 10 * zoom; i++) {
    const label = el("span", {}, timeText((all * i) / (10 * zoom)));
    label.style.left = `${(10 * i) / zoom}%`;
    row.append(label);
  }
  return row;
}

function timelineShape(steps: readonly TimelineStep[], times: ChipTimes, zoom: number): SVGElement {
  const width = 1200;
  const all = sum(times.ms);
  const height = AXIS + ROW * LANES.length;
  const scale = width / Math.max(all, 1e-9);
  const picture = svg("svg", {
    viewBox: `0 0 ${width * zoom} ${height}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `${steps.length} steps in ${timeText(all)}`,
  });
  picture.style.width = `${100 * zoom}%`;
  picture.style.height = `${height}px`;
  for (let i = 0; i <= 10 * zoom; i += 1) {
    const x = (width * i) / 10;
    picture.append(svg("line", { class: "tick", x1: x, x2: x, y1: 0, y2: height }));
  }
  let now = 0;
  for (const [i, step] of steps.entries()) {
    const ms = times.ms[i]!;
    const lane = LANES.findIndex(([name]) => name === step.lane);
    const rect = svg("rect", {
      class: `step lane-${step.lane}`,
      x: now * scale * zoom,
      y: AXIS + lane * ROW + 6,
      width: Math.max(0.6, ms * scale * zoom),
      height: ROW - 12,
    });
    rect.addEventListener("pointermove", (event) => {
      showTip(event.clientX, event.clientY, stepTip(step, ms, all, times));
    });
    rect.addEventListener("pointerleave", hideTip);
    picture.append(rect);
    now += ms;
  }
  return picture;
}

function stepTip(
  { label, program }: TimelineStep,
  ms: number,
  all: number,
  { programs }: ChipTimes,
) {
  const cost = program === undefined ? undefined : programs[program];
  const causes = cost === undefined ? [] : CAUSES.filter((c) => (cost[c] ?? 0) > 0);
  return el(
    "div",
    { class: "node-text" },
    el("h3", {}, label),
    el(
      "dl",
      {},
      el("dt", {}, "takes"),
      el("dd", {}, `${timeText(ms)}, ${((100 * ms) / all).toFixed(1)} % of the run`),
      ...causes.flatMap((c) => [el("dt", {}, c), el("dd", {}, timeText(cost?.[c] ?? 0))]),
    ),
  );
}

/** All chips, a bar each to one scale; a row chooses its chip. */
function comparison(steps: readonly TimelineStep[], chips: readonly ChipTimes[]): Element {
  const totals = chips.map(({ ms }) =>
    LANES.map(([lane]) => sum(ms.filter((_, i) => steps[i]!.lane === lane))),
  );
  const most = Math.max(...totals.map(sum), 1e-9);
  const rows = chips.map(({ chip, borrowed }, i) => {
    const parts = LANES.map(([, name, c], lane) => {
      const part = el("span", {
        class: "bar-part",
        title: `${name} ${timeText(totals[i]![lane]!)}`,
      });
      part.style.width = `${(100 * totals[i]![lane]!) / most}%`;
      part.style.background = `var(${c})`;
      return part;
    });
    const name = button(
      chipText(chip) + (borrowed === undefined ? "" : " *"),
      `Show ${chipText(chip)}`,
      () => chooseChip(chip),
    );
    onChip((chosen) => name.setAttribute("aria-pressed", String(chosen === chip)));
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "number" }, timeText(sum(totals[i]!))),
      el("td", { class: "bars" }, ...parts),
    );
  });
  const note = chips.some((c) => c.borrowed !== undefined)
    ? "* nothing published to fit to: the constants of a chip of its kind"
    : "";
  return el(
    "details",
    { open: true },
    el("summary", {}, "All chips"),
    el("div", { class: "scroll" }, el("table", { class: "compare" }, el("tbody", {}, ...rows))),
    el("p", { class: "muted small" }, note),
  );
}
