/** What is told of a node or a program: in the tip a few rows, in the panel below the drawing all of it. */
import type { DrawnBox, NodeText, SourceLine } from "../graph/drawing.ts";
import { el } from "./dom.ts";

/** What a tip leaves out, and the rows and lines of MIL that it has room for. */
const LEFT_OUT = ["call", "made by", "in"];
const TIP_ROWS = 7;
const TIP_LINES = 4;

export function nodeTip(node: NodeText): HTMLElement {
  const lines = node.mil?.split("\n") ?? [];
  return el(
    "div",
    { class: "node-text" },
    heading(node),
    rowList(node.rows.filter(([label]) => !LEFT_OUT.includes(label)).slice(0, TIP_ROWS)),
    ...(node.source === undefined ? [] : [sourceBlock(node.source)]),
    ...(lines.length === 0 ? [] : [milBlock(shortened(lines))]),
  );
}

export function nodePanel(node: NodeText): HTMLElement {
  return el(
    "div",
    { class: "node-text" },
    heading(node),
    rowList(node.rows),
    ...(node.source === undefined ? [] : [sourceBlock(node.source)]),
    ...(node.mil === undefined ? [] : [milBlock(node.mil)]),
  );
}

export function boxPanel(box: DrawnBox): HTMLElement {
  return el(
    "div",
    { class: "node-text" },
    el("h3", {}, box.title, " ", el("span", { class: "muted" }, box.note)),
    ...(box.mil === undefined ? [] : [milBlock(box.mil)]),
  );
}

function shortened(lines: readonly string[]): string {
  const plain = lines.map((l) => l.replace(/\[name = string\("[^"]*"\)\];$/, ""));
  const shown = plain.slice(0, TIP_LINES).map((l) => (l.length > 90 ? `${l.slice(0, 89)}…` : l));
  const left = lines.length - shown.length;
  return left > 0 ? `${shown.join("\n")}\n… ${left} more` : shown.join("\n");
}

function heading({ label, detail, kind }: NodeText): HTMLElement {
  return el(
    "h3",
    {},
    el("span", { class: `dot kind-${kind}` }),
    label,
    " ",
    el("span", { class: "muted mono" }, detail),
  );
}

function rowList(rows: NodeText["rows"]): HTMLElement {
  return el(
    "dl",
    {},
    ...rows.flatMap(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]),
  );
}

function sourceBlock({ path, line, text, column, width }: SourceLine): HTMLElement {
  const marked = el("mark", {}, text.slice(column, column + width));
  return el(
    "figure",
    { class: "code" },
    el("figcaption", {}, `${path}:${line}`),
    el("pre", {}, text.slice(0, column), marked, text.slice(column + width)),
  );
}

function milBlock(text: string): HTMLElement {
  return el("figure", { class: "code" }, el("figcaption", {}, "MIL"), el("pre", {}, text));
}
