/**
 * A chart of lines over steps, tokens or time.
 *
 *     const loss = createChart({ title: "Loss", unit: "nats per token", hasLog: true }, shared);
 *     grid.append(loss.element);
 *     loss.draw(lines, frame);
 *
 * All charts of a page share one cursor: pointing into one of them, or the arrow keys, show the values of every
 * line there. Dragging sideways chooses what is seen.
 */
import {
  type Chart,
  type ChartHost,
  type ChartLine,
  type Frame,
  isWithin,
  watchKeys,
  watchPointer,
} from "./chart_input.ts";
import { axisText, linearScale, logScale, numberText, type Scale } from "./chart_scale.ts";
import { extent, type LineValues, nearestPoint, smoothed } from "./chart_smooth.ts";
import { el, svg } from "./dom.ts";
import { hideTip, showTip } from "./tip.ts";

export interface ChartOptions {
  readonly title: string;
  readonly unit: string;
  readonly isLog?: boolean;
  /** The axis begins at 0. */
  readonly fromZero?: boolean;
}

const HEIGHT = 230;
const MARGIN = { left: 56, right: 14, top: 10, bottom: 26 };
let charts = 0;

export function createChart(
  { title, unit, isLog = false, fromZero = false }: ChartOptions,
  host: ChartHost,
): Chart {
  charts += 1;
  const clip = `clip_${charts}`;
  const plot = svg("svg", {
    ...{ class: "chart", height: HEIGHT, tabindex: 0, role: "group" },
    "aria-label": `${title}, ${unit}. Arrow keys move the cursor.`,
  });
  const none = el("p", { class: "chart-none muted" }, "nothing yet");
  const log = el("button", { type: "button", "aria-pressed": String(isLog) }, "log");
  log.setAttribute("aria-label", `${title}: logarithmic axis`);
  const element = el(
    "figure",
    { class: "panel chart-panel" },
    el("figcaption", {}, el("h3", {}, title), el("span", { class: "muted unit" }, unit), log),
    el("div", { class: "chart-box" }, plot, none),
  );

  const state = { isLog, lines: [] as readonly ChartLine[], frame: undefined as Frame | undefined };
  let drawn: { x: Scale; y: Scale; width: number } | undefined;
  const cursor = svg("g", { class: "cursor" });
  const selection = svg("rect", {
    class: "selection",
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  });

  const redraw = (): void => {
    const { frame, lines } = state;
    const width = plot.clientWidth;
    if (frame === undefined || width === 0) return;
    const shown = lines.map((line) => ({
      line,
      y: shownValues(line, frame),
    }));
    const seen = shown.map(({ line, y }) => y.filter((_, i) => isWithin(line.x[i]!, frame)));
    const usable = state.isLog ? seen.map((y) => y.filter((v) => v !== null && v > 0)) : seen;
    const range = extent(usable);
    none.hidden = range !== undefined;
    plot.replaceChildren();
    drawn = undefined;
    if (range === undefined) return;
    const x = linearScale(frame.low, frame.high);
    const y = verticalScale(range, state.isLog, fromZero);
    drawn = { x, y, width };
    const toX = (value: number): number =>
      MARGIN.left + x.at(value) * (width - MARGIN.left - MARGIN.right);
    const toY = (value: number): number => yOf(y, value);
    plot.append(
      svg(
        "clipPath",
        { id: clip },
        svg("rect", {
          ...{
            x: MARGIN.left,
            y: MARGIN.top,
            width: Math.max(0, width - MARGIN.left - MARGIN.right),
          },
          height: HEIGHT - MARGIN.top - MARGIN.bottom,
        }),
      ),
      ...gridOf(x, y, width, frame),
    );
    const paths = svg("g", { "clip-path": `url(#${clip})` });
    for (const { line, y: values } of shown) {
      const isSmoothed = values !== line.y;
      const path = (list: LineValues, css: string): SVGPathElement =>
        svg("path", { class: css, d: pathOf(line.x, list, toX, toY), stroke: line.color });
      if (isSmoothed) paths.append(path(line.y, "line faint"));
      paths.append(path(values, line.isSparse ? "line sparse" : "line"));
      const known = values.flatMap((v, i) =>
        v === null || !(y.at(v) >= -1e-9) ? [] : [[line.x[i]!, v] as const],
      );
      const dots = line.isSparse
        ? known.length <= 60
          ? known
          : []
        : known.length === 1
          ? known
          : [];
      for (const [at, v] of dots)
        paths.append(svg("circle", { cx: toX(at), cy: toY(v), r: 2.5, fill: line.color }));
    }
    plot.append(paths, selection, cursor);
  };

  const chart: Chart = {
    element,
    draw(lines, frame) {
      Object.assign(state, { lines, frame });
      redraw();
    },
    point(x, isHere) {
      cursor.replaceChildren();
      if (isHere || x === null) hideTip();
      const { frame, lines } = state;
      if (x === null || frame === undefined || drawn === undefined || !isWithin(x, frame)) return;
      const at = xOf(drawn, x);
      cursor.append(svg("line", { x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }));
      const rows: HTMLElement[] = [];
      for (const line of lines) {
        const values = shownValues(line, frame);
        const i = nearestPoint(line.x, values, x);
        const value = values[i];
        if (value === null || value === undefined) continue;
        if (isWithin(line.x[i]!, frame) && drawn.y.at(value) >= -1e-9)
          cursor.append(
            svg("circle", {
              cx: xOf(drawn, line.x[i]!),
              cy: yOf(drawn.y, value),
              r: 4,
              fill: line.color,
            }),
          );
        rows.push(rowOf(line, value));
      }
      if (!isHere) return;
      if (rows.length === 0) return;
      const box = plot.getBoundingClientRect();
      const table = el("table", { class: "chart-values" }, el("tbody", {}, ...rows));
      showTip(box.left + at, box.top, el("p", {}, frame.xText(x)), table);
    },
  };

  log.addEventListener("click", () => {
    state.isLog = !state.isLog;
    log.setAttribute("aria-pressed", String(state.isLog));
    redraw();
  });
  new ResizeObserver(redraw).observe(plot);
  const valueAt = (at: number): number | null => (drawn === undefined ? null : xValue(drawn, at));
  watchPointer({ plot, selection, top: MARGIN.top, valueAt, chart, host });
  watchKeys({ plot, state, chart, host });
  return chart;
}

const shownValues = ({ y, isExact }: ChartLine, { smoothing }: Frame): LineValues =>
  isExact ? y : smoothed(y, smoothing);

const xOf = ({ x, width }: { x: Scale; width: number }, value: number): number =>
  MARGIN.left + x.at(value) * (width - MARGIN.left - MARGIN.right);
/** The value at a place of the plot; the nearest end beside it. */
const xValue = ({ x, width }: { x: Scale; width: number }, at: number): number => {
  const part = (at - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
  return x.value(Math.max(0, Math.min(1, part)));
};
const yOf = (y: Scale, value: number): number =>
  HEIGHT - MARGIN.bottom - y.at(value) * (HEIGHT - MARGIN.top - MARGIN.bottom);

function verticalScale(
  [low, high]: readonly [number, number],
  isLog: boolean,
  fromZero: boolean,
): Scale {
  if (isLog) return logScale(low / 1.05, high * 1.05);
  const from = fromZero ? Math.min(0, low) : low;
  const room = (high - from || Math.abs(high) || 1) * 0.06;
  return linearScale(fromZero && low >= 0 ? 0 : from - room, high + room);
}

function gridOf(x: Scale, y: Scale, width: number, { xLabel }: Frame): SVGElement[] {
  const right = width - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const rows = y.ticks(6).flatMap((value) => [
    svg("line", {
      class: "grid",
      x1: MARGIN.left,
      x2: right,
      y1: yOf(y, value),
      y2: yOf(y, value),
    }),
    svg(
      "text",
      { x: MARGIN.left - 8, y: yOf(y, value) + 4, "text-anchor": "end" },
      axisText(value),
    ),
  ]);
  const room = MARGIN.left + (right - MARGIN.left) * 0.82;
  const columns = x.ticks(Math.max(2, Math.floor(width / 75))).map((value) => {
    const at = xOf({ x, width }, value);
    return svg(
      "text",
      { x: at, y: bottom + 17, "text-anchor": "middle" },
      at > room ? "" : axisText(value),
    );
  });
  const label = svg(
    "text",
    { class: "x-label", x: right, y: bottom + 17, "text-anchor": "end" },
    xLabel,
  );
  return [
    ...rows,
    svg("line", { class: "axis", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }),
    ...columns,
    label,
  ];
}

/** A line through the points; missing values do not interrupt it. */
function pathOf(
  x: readonly number[],
  y: LineValues,
  toX: (value: number) => number,
  toY: (value: number) => number,
): string {
  const points = y.flatMap((value, i) =>
    value === null ? [] : [`${toX(x[i]!).toFixed(1)} ${toY(value).toFixed(1)}`],
  );
  return points.length < 2 ? "" : `M${points.join("L")}`;
}

function rowOf({ label, color }: ChartLine, value: number): HTMLElement {
  const swatch = el("span", { class: "swatch", style: `--swatch: ${color}` });
  return el(
    "tr",
    {},
    el("td", {}, swatch),
    el("td", {}, label),
    el("td", { class: "number" }, numberText(value)),
  );
}
