/**
 * Graphs side by side. Hovering or focusing a node shows what it is, lights up its operands and users, and
 * marks what came from the same place of the source, in every graph of the page.
 */
import type { Drawing, DrawnNode, Pane } from "../graph/drawing.ts";
import { button, el, fill, svg } from "./dom.ts";
import { boxPanel, nodePanel, nodeTip } from "./node_text.ts";
import { hideTip, showTip } from "./tip.ts";
import { type ZoomView, zoomable, zoomButtons } from "./zoom.ts";

interface Mounted {
  mark(key: string | undefined): void;
}

/** Draws the panes into `host`; what is chosen is told in full in `details`. */
export function mountGraphs(host: Element, panes: readonly Pane[], details: Element): void {
  const mounted: Mounted[] = [];
  const markAll = (key: string | undefined): void => {
    for (const pane of mounted) pane.mark(key);
  };
  for (const pane of panes) mounted.push(mountPane(host, pane, details, markAll));
}

function mountPane(
  host: Element,
  { title, note, drawing }: Pane,
  details: Element,
  markAll: (key: string | undefined) => void,
): Mounted {
  const canvas = svg("svg", {
    class: "graph",
    tabindex: 0,
    role: "application",
    "aria-label": `${title}. Arrow keys walk along the edges, Shift and arrows move, + and − zoom, 0 shows all, Enter tells more.`,
  });
  const box = drawing.boxes[0];
  const centre = box === undefined ? drawing.width / 2 : box.x + box.w / 2;
  const view = zoomable(canvas, { ...drawing, centre });
  const find = el("input", {
    type: "search",
    placeholder: "Find an op",
    "aria-label": `Find in ${title}`,
  });
  const pane = el("div", { class: "panel pane" });
  const widen = button("⤢", `Widen ${title}`, () => {
    widen.setAttribute("aria-pressed", String(pane.classList.toggle("wide")));
  });
  host.append(pane);
  pane.append(
    el(
      "div",
      { class: "toolbar" },
      el("h3", {}, title),
      el("span", { class: "muted grow" }, note),
      find,
      ...zoomButtons(view),
      widen,
    ),
    canvas,
  );
  const { nodes, edges } = drawEverything(view, drawing, details);
  const users = drawing.nodes.map((): number[] => []);
  for (const { from, to } of drawing.edges) users[from]!.push(to);

  let chosen: number | undefined;
  const light = (node: number | undefined): void => {
    for (const [i, edge] of drawing.edges.entries())
      edges[i]!.classList.toggle("lit", edge.from === node || edge.to === node);
    markAll(node === undefined ? undefined : drawing.nodes[node]!.key);
  };
  const choose = (node: number | undefined): void => {
    if (chosen !== undefined) nodes[chosen]!.classList.remove("chosen");
    chosen = node;
    light(node);
    if (node === undefined) {
      canvas.removeAttribute("aria-activedescendant");
      return;
    }
    nodes[node]!.classList.add("chosen");
    canvas.setAttribute("aria-activedescendant", nodes[node]!.id);
    fill(details, nodePanel(drawing.nodes[node]!));
  };
  for (const [i, shape] of nodes.entries()) {
    shape.addEventListener("pointermove", (event) => {
      showTip(event.clientX, event.clientY, nodeTip(drawing.nodes[i]!));
      light(i);
    });
    shape.addEventListener("pointerleave", () => {
      hideTip();
      light(chosen);
    });
    shape.addEventListener("click", () => choose(i));
  }
  const step = (key: string): void => {
    const next = chosen === undefined ? firstOf(drawing) : nextOf(drawing, users, chosen, key);
    if (next === undefined) return;
    choose(next);
    const { x, y, w, h } = drawing.nodes[next]!;
    view.reveal({ x, y, w, h });
    const at = view.toWindow(x + w, y + h);
    showTip(at.x, at.y, nodeTip(drawing.nodes[next]!));
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow")) step(event.key);
    else if (event.key === "Enter" && chosen !== undefined)
      details.scrollIntoView({ block: "nearest" });
    else if (event.key === "Escape") {
      choose(undefined);
      hideTip();
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", hideTip);
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    canvas.classList.toggle("searching", wanted !== "");
    for (const [i, { label, rows }] of drawing.nodes.entries()) {
      const texts = [label, ...rows.map(([, value]) => value)];
      const isFound = wanted !== "" && texts.some((t) => t.toLowerCase().includes(wanted));
      nodes[i]!.classList.toggle("found", isFound);
    }
  });
  return {
    mark(key) {
      for (const [i, { key: own }] of drawing.nodes.entries())
        nodes[i]!.classList.toggle("kin", key !== undefined && own === key);
    },
  };
}

let panesSoFar = 0;

function drawEverything(
  { content }: ZoomView,
  { boxes, nodes, edges }: Drawing,
  details: Element,
): { nodes: SVGGElement[]; edges: SVGPathElement[] } {
  panesSoFar += 1;
  for (const box of boxes) {
    const shape = svg(
      "g",
      { class: `box box-${box.where}` },
      svg("rect", { class: "box-frame", x: box.x, y: box.y, width: box.w, height: box.h, rx: 10 }),
      svg("text", { class: "graph-text box-title", x: box.x + 14, y: box.y + 24 }, box.title),
      svg("text", { class: "graph-text box-note", x: box.x + box.w - 14, y: box.y + 24 }, box.note),
    );
    if (box.mil !== undefined) shape.addEventListener("click", () => fill(details, boxPanel(box)));
    content.append(shape);
  }
  const paths = edges.map(({ d }) => svg("path", { class: "edge", d }));
  const lines = svg("g", {}, ...paths);
  const shapes = nodes.map((node, i) => drawNode(node, `pane${panesSoFar}-${i}`));
  content.append(lines, ...shapes);
  return { nodes: shapes, edges: paths };
}

function drawNode({ x, y, w, h, label, detail, kind }: DrawnNode, id: string): SVGGElement {
  const middle = w / 2;
  const texts =
    kind === "port"
      ? [
          svg(
            "text",
            { class: "graph-text node-label port-label", x: middle, y: 15 },
            clipped(`${label} ${detail}`, w, 6.2),
          ),
        ]
      : [
          svg(
            "text",
            { class: "graph-text node-label op", x: middle, y: 17 },
            clipped(label, w, 7.6),
          ),
          svg(
            "text",
            { class: "graph-text node-label shape", x: middle, y: 32 },
            clipped(detail, w, 6.5),
          ),
        ];
  return svg(
    "g",
    {
      id,
      class: `node kind-${kind}`,
      transform: `translate(${x} ${y})`,
      role: "img",
      "aria-label": `${label} ${detail}`,
    },
    svg("rect", { width: w, height: h, rx: kind === "port" ? 11 : 7 }),
    ...texts,
  );
}

/** As much of a text as fits into a node. */
function clipped(text: string, width: number, letter: number): string {
  const most = Math.max(3, Math.floor((width - 10) / letter));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function firstOf({ nodes }: Drawing): number | undefined {
  return nodes.length === 0 ? undefined : nearestTo(nodes, [...nodes.keys()], { x: 0, y: -1e6 });
}

/** Up to an operand, down to a user, sideways to the neighbour of the same row. */
function nextOf(
  { nodes }: Drawing,
  users: readonly (readonly number[])[],
  from: number,
  key: string,
): number | undefined {
  const here = nodes[from]!;
  if (key === "ArrowUp") return nearestTo(nodes, here.reads, here);
  if (key === "ArrowDown") return nearestTo(nodes, users[from]!, here);
  const way = key === "ArrowRight" ? 1 : -1;
  const row = [...nodes.keys()].filter(
    (i) => i !== from && (nodes[i]!.x - here.x) * way > 0 && Math.abs(nodes[i]!.y - here.y) < 24,
  );
  return nearestTo(nodes, row, here);
}

function nearestTo(
  nodes: readonly DrawnNode[],
  list: readonly number[],
  { x, y }: { readonly x: number; readonly y: number },
): number | undefined {
  let [best, least] = [undefined as number | undefined, Number.POSITIVE_INFINITY];
  for (const i of list) {
    const distance = Math.hypot(nodes[i]!.x - x, nodes[i]!.y - y);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
