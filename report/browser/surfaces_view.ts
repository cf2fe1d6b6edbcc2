/** Programs with their ports drawn to one scale, packed columns in colours, and a table of what lies where. */

import { bytesText, grouped, scaled } from "../../compiler/support/numbers.ts";
import type { DrawnPort, DrawnProgram, PlacedValue } from "../model/data.ts";
import { el, svg } from "./dom.ts";
import { hideTip, showTip } from "./tip.ts";
import { zoomable, zoomButtons } from "./zoom.ts";

/** Room for ports, in units of the drawing. */
const WIDE = 1300;
const HIGH = 540;
const GAP = 46;
const LABEL = 34;
/** The narrowest place that a port's title fits in. */
const TITLE = 150;

const colour = (i: number): string => `--swatch: var(--c${(i % 8) + 1})`;

/** One panel a program. */
export function mountPrograms(host: Element, programs: readonly DrawnProgram[]): void {
  for (const program of programs) host.append(programPanel(program));
}

function programPanel({ name, calls, labels, ops, flops, ports }: DrawnProgram): Element {
  const scale = scaleOf(ports);
  const canvas = svg("svg", {
    class: "graph surfaces",
    tabindex: 0,
    role: "application",
    "aria-label": `Surfaces of ${name}, to scale. + and − zoom, Shift and arrows move. The table below says the same.`,
  });
  const shapes: SVGGElement[] = [];
  let x = 0;
  for (const port of ports) {
    shapes.push(portShape(port, x, scale));
    x += Math.max(TITLE, port.columns * scale) + GAP;
  }
  const height = LABEL + scale * Math.max(1, ...ports.map((p) => p.rows));
  const view = zoomable(canvas, { width: Math.max(1, x - GAP), height });
  view.content.append(...shapes);
  const note = `${grouped(calls)} calls a run · ${grouped(ops)} ops · ${scaled(flops, "FLOP")} a call`;
  return el(
    "div",
    { class: "panel" },
    el(
      "div",
      { class: "toolbar" },
      el("h3", {}, name),
      el("span", { class: "muted grow", title: labels.join(", ") }, note),
      ...zoomButtons(view),
    ),
    canvas,
    el("details", {}, el("summary", {}, "What lies where"), placesTable(ports)),
  );
}

/** Units for one column: all ports beside each other, and the highest, fit. */
function scaleOf(ports: readonly DrawnPort[]): number {
  const columns = ports.reduce((n, p) => n + p.columns, 0);
  const rows = Math.max(1, ...ports.map((p) => p.rows));
  return Math.min(WIDE / Math.max(1, columns), HIGH / rows, 4);
}

function portShape(port: DrawnPort, x: number, scale: number): SVGGElement {
  const { name, role, rows, columns, rowBytes, packedRowBytes, values } = port;
  const [width, height] = [columns * scale, rows * scale];
  const padding = (width * (rowBytes - packedRowBytes)) / Math.max(1, packedRowBytes);
  return svg(
    "g",
    { transform: `translate(${x} 0)` },
    svg(
      "text",
      { class: "graph-text port-title", y: 12 },
      `${role === "input" ? "→" : "←"} ${name}`,
    ),
    svg(
      "text",
      { class: "graph-text port-note", y: 27 },
      `${grouped(rows)} × ${grouped(columns)} · ${bytesText(port.bytes)}`,
    ),
    svg("rect", { class: "surface", y: LABEL, width, height }),
    ...(padding > 0
      ? [svg("rect", { class: "padding", x: width, y: LABEL, width: padding, height })]
      : []),
    ...values.flatMap((value, i) => valueShapes(port, value, i, scale)),
  );
}

function valueShapes(port: DrawnPort, value: PlacedValue, i: number, scale: number): SVGGElement[] {
  return value.blocks.map(([row, column, rows, columns]) => {
    const [width, height] = [columns * scale, rows * scale];
    const label = shortName(value.name);
    const isUpright = height > 2 * width;
    const [length, breadth] = isUpright ? [height, width] : [width, height];
    const size = Math.min(13, breadth * 0.6, (1.5 * length) / Math.max(1, label.length));
    const x = (column + columns / 2) * scale;
    const y = LABEL + (row + rows / 2) * scale;
    const text = svg(
      "text",
      { class: "graph-text value-name", x, y, "font-size": size.toFixed(1) },
      label,
    );
    if (isUpright) text.setAttribute("transform", `rotate(-90 ${x} ${y})`);
    const shape = svg(
      "g",
      { class: "value", style: colour(i) },
      svg("rect", {
        class: "value-block",
        x: column * scale,
        y: LABEL + row * scale,
        width,
        height,
      }),
      ...(size < 1.5 ? [] : [text]),
    );
    shape.addEventListener("pointermove", (event) => {
      showTip(event.clientX, event.clientY, valueTip(port, value, [row, column, rows, columns]));
    });
    shape.addEventListener("pointerleave", hideTip);
    return shape;
  });
}

/** `attn.wq` of `@block.0.attn.wq` or a product with it; what a value is, without the name it has. */
function shortName(name: string): string {
  const param = /^(?:mul\()?@([\w.]+)/.exec(name)?.[1];
  if (param !== undefined) return param.replace(/^.*?\.\d+\./, "");
  return name.split("(")[0]!.trim();
}

function valueTip(port: DrawnPort, value: PlacedValue, block: PlacedValue["blocks"][number]) {
  const [row, column, rows, columns] = block;
  const share = (100 * rows * columns) / Math.max(1, port.rows * port.columns);
  const list: readonly (readonly [string, string])[] = [
    ["value", `[${value.sizes.join(", ")}], laid out as ${value.layout}`],
    ["rows", `${grouped(row)} … ${grouped(row + rows - 1)} of ${grouped(port.rows)}`],
    [
      "columns",
      `${grouped(column)} … ${grouped(column + columns - 1)} of ${grouped(port.columns)}`,
    ],
    ["share", `${share.toFixed(1)} % of ${port.name}`],
    ["row stride", strideText(port)],
  ];
  return el(
    "div",
    { class: "node-text" },
    el("h3", {}, value.name),
    el("dl", {}, ...list.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])),
  );
}

function strideText({ rowBytes, packedRowBytes }: DrawnPort): string {
  const padding = rowBytes - packedRowBytes;
  const note = padding === 0 ? "no padding" : `${grouped(padding)} of them padding`;
  return `${grouped(rowBytes)} bytes, ${note}`;
}

function placesTable(ports: readonly DrawnPort[]): Element {
  const rows = ports.flatMap((port) =>
    (port.values.length === 0 ? [undefined] : port.values).map((value, i) => {
      const blocks = value?.blocks ?? [];
      const places = blocks.map(
        ([row, column, r, c]) => `[${row}:${row + r}, ${column}:${column + c}]`,
      );
      return el(
        "tr",
        {},
        el("th", { scope: "row" }, i === 0 ? port.name : ""),
        el("td", {}, i === 0 ? `${port.dtype} ${port.rows} × ${port.columns}` : ""),
        el("td", {}, i === 0 ? strideText(port) : ""),
        el("td", {}, el("span", { class: "swatch inline", style: colour(i) }), value?.name ?? ""),
        el("td", { class: "mono" }, places.slice(0, 4).join(" ") + (places.length > 4 ? " …" : "")),
      );
    }),
  );
  const head = ["Port", "Surface", "Row stride", "Value", "[rows, columns]"];
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...head.map((t) => el("th", { scope: "col" }, t)))),
      el("tbody", {}, ...rows),
    ),
  );
}
