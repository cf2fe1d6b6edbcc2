/**
 * Gives everything of a graph its place: first inside each box, then boxes and single nodes among each other.
 *
 * What enters a box or leaves it gets a port at the box's edge, so that boxes read like the programs they
 * are. Sizes are in pixels at zoom 1.
 */
import type { Drawing, DrawnBox, DrawnNode, GraphSource, NodeText, SourceNode } from "./drawing.ts";
import { type Folded, fold } from "./fold.ts";
import { type Edge, layered, type Placed, type Point } from "./layered.ts";

const PADDING = 14;
const TITLE = 40;
const NODE_HEIGHT = 40;
const PORT_HEIGHT = 22;

/** The graph with a place for every node. */
export function drawingOf(source: GraphSource): Drawing {
  const folded = fold(source);
  const outer = outerGraph(folded);
  const nodes: DrawnNode[] = [];
  const at = new Map<string, number>();
  const insides = folded.groups.map((_, g) => inside(source, folded, outer, g));
  const unitBoxes = outer.units.map((unit) =>
    unit.group === undefined
      ? sizeOf(source.nodes[unit.node]!)
      : { width: insides[unit.group]!.width, height: insides[unit.group]!.height },
  );
  const outerEdges = outer.edges.map(([from, to]): Edge & { key: string } => {
    const [a, b] = [outer.unitOf(from), outer.unitOf(to)];
    const group = (unit: number) => outer.units[unit]!.group;
    const fromOffset = group(a) === undefined ? 0 : insides[group(a)!]!.offset(`out ${from}`);
    const toOffset = group(b) === undefined ? 0 : insides[group(b)!]!.offset(`in ${from}`);
    return { from: a, to: b, fromOffset, toOffset, key: `${from} ${to}` };
  });
  const placed = layered(unitBoxes, outerEdges, { gap: 30, rowGap: 46 });

  const add = (key: string, text: NodeText, corner: Point): void => {
    at.set(key, nodes.length);
    const { width: w, height: h } = sizeOf(text);
    nodes.push({
      ...plain(text),
      x: Math.round(corner.x),
      y: Math.round(corner.y),
      w,
      h,
      reads: [],
    });
  };
  const boxes: DrawnBox[] = [];
  const paths: { d: string; from: string; to: string }[] = [];
  for (const [u, unit] of outer.units.entries()) {
    const corner = placed.corners[u]!;
    if (unit.group === undefined) {
      add(`${unit.node}`, source.nodes[unit.node]!, corner);
      continue;
    }
    const inner = insides[unit.group]!;
    boxes.push({ ...boxText(source, folded, unit.group), ...whole(corner, inner) });
    const shift = { x: corner.x + (inner.width - inner.placed.width) / 2, y: corner.y + TITLE };
    for (const [i, { key, text }] of inner.items.entries())
      add(key, text, moved(inner.placed.corners[i]!, shift));
    for (const [i, edge] of inner.edges.entries()) {
      const bends = inner.placed.bends[i]!.map((p) => moved(p, shift));
      paths.push({ d: pathOf(bends), from: edge.fromKey, to: edge.toKey });
    }
  }
  for (const [i, [from, to]] of outer.edges.entries()) {
    const [a, b] = [outer.unitOf(from), outer.unitOf(to)];
    const inner = (unit: number) => outer.units[unit]!.group !== undefined;
    const fromKey = inner(a) ? `${outer.units[a]!.group} out ${from}` : `${from}`;
    const toKey = inner(b) ? `${outer.units[b]!.group} in ${from}` : `${to}`;
    paths.push({ d: pathOf(placed.bends[i]!), from: fromKey, to: toKey });
  }
  const reads = nodes.map((): number[] => []);
  const edges = paths.map(({ d, from, to }) => ({ d, from: at.get(from)!, to: at.get(to)! }));
  for (const { from, to } of edges) if (!reads[to]!.includes(from)) reads[to]!.push(from);
  return {
    width: Math.ceil(placed.width),
    height: Math.ceil(placed.height),
    nodes: nodes.map((node, i) => ({ ...node, reads: reads[i]! })),
    boxes,
    edges,
    total: source.nodes.length,
  };
}

const moved = ({ x, y }: Point, by: Point): Point => ({ x: x + by.x, y: y + by.y });

function whole({ x, y }: Point, { width: w, height: h }: Inside) {
  return { x: Math.round(x), y: Math.round(y), w: Math.round(w), h: Math.round(h) };
}

/** Only what the page shows. */
function plain({ label, detail, kind, rows, source, mil, key }: NodeText): NodeText {
  return {
    ...{ label, detail, kind, rows },
    ...(source === undefined ? {} : { source }),
    ...(mil === undefined ? {} : { mil }),
    ...(key === undefined ? {} : { key }),
  };
}

function boxText({ families }: GraphSource, { groups }: Folded, group: number) {
  const { family, indices } = groups[group]!;
  const { title, where, mil } = families.get(family)!;
  const [first, last] = [indices[0]!, indices.at(-1)!];
  const note = indices.length === 1 ? first : `×${indices.length}   ${first} … ${last}`;
  return { title, where, note, ...(mil === undefined ? {} : { mil }) };
}

/** A node by its texts; letters of the page's fonts are about this wide. */
function sizeOf({ label, detail, kind }: NodeText): { width: number; height: number } {
  if (kind === "port") {
    const letters = label.length + detail.length + 1;
    return { width: Math.min(260, Math.round(6.2 * letters) + 18), height: PORT_HEIGHT };
  }
  const width = Math.max(64, 7.6 * label.length + 22, 6.5 * detail.length + 22);
  return { width: Math.min(280, Math.round(width)), height: NODE_HEIGHT };
}

// --- Boxes and single nodes ------------------------------------------------------------------------

interface Unit {
  /** Of a single node. */
  readonly node: number;
  readonly group?: number;
}

interface Outer {
  readonly units: readonly Unit[];
  readonly unitOf: (node: number) => number;
  /** Pairs of kept nodes in different units, one for each value that enters a unit, without cycles of units. */
  readonly edges: readonly (readonly [from: number, to: number])[];
  /** The others, where boxes would wait for each other. */
  readonly dropped: readonly (readonly [from: number, to: number])[];
}

function outerGraph({ kept, groupOf, edges }: Folded): Outer {
  const units: Unit[] = [];
  const ofGroup = new Map<number, number>();
  const ofNode = new Map<number, number>();
  for (const node of kept) {
    const group = groupOf.get(node);
    const known = group === undefined ? undefined : ofGroup.get(group);
    if (known === undefined) {
      units.push(group === undefined ? { node } : { node, group });
      if (group !== undefined) ofGroup.set(group, units.length - 1);
    }
    ofNode.set(node, known ?? units.length - 1);
  }
  const unitOf = (node: number): number => ofNode.get(node)!;
  const once = new Map<string, readonly [number, number]>();
  for (const [from, to] of edges) {
    if (unitOf(from) === unitOf(to)) continue;
    const key = `${from} ${unitOf(to)}`;
    if (!once.has(key)) once.set(key, [from, to]);
  }
  const crossing = [...once.values()];
  const backwards = cycleEdges(
    units.length,
    crossing.map(([from, to]) => [unitOf(from), unitOf(to)] as const),
  );
  return {
    units,
    unitOf,
    edges: crossing.filter((_, i) => !backwards.has(i)),
    dropped: crossing.filter((_, i) => backwards.has(i)),
  };
}

/** Edges without which there is no cycle: those that lead back on a walk in depth. */
function cycleEdges(count: number, edges: readonly (readonly [number, number])[]): Set<number> {
  const leaving = Array.from({ length: count }, (): number[] => []);
  for (const [i, [from]] of edges.entries()) leaving[from]!.push(i);
  const state = new Array<"new" | "open" | "done">(count).fill("new");
  const back = new Set<number>();
  for (let root = 0; root < count; root++) {
    if (state[root] !== "new") continue;
    state[root] = "open";
    const stack = [{ unit: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const edge = leaving[top.unit]![top.next++];
      if (edge === undefined) {
        state[top.unit] = "done";
        stack.pop();
        continue;
      }
      const to = edges[edge]![1];
      if (state[to] === "open") back.add(edge);
      else if (state[to] === "new") {
        state[to] = "open";
        stack.push({ unit: to, next: 0 });
      }
    }
  }
  return back;
}

// --- Inside a box ----------------------------------------------------------------------------------

interface Inside {
  readonly items: readonly { readonly key: string; readonly text: NodeText }[];
  readonly edges: readonly { readonly fromKey: string; readonly toKey: string }[];
  readonly placed: Placed;
  readonly width: number;
  readonly height: number;
  /** Of a port, from the middle of the box. */
  readonly offset: (port: string) => number;
}

function inside(source: GraphSource, folded: Folded, outer: Outer, group: number): Inside {
  const items: { key: string; text: NodeText }[] = [];
  const indexOf = new Map<string, number>();
  const [first, last] = [new Set<number>(), new Set<number>()];
  const add = (key: string, text: () => NodeText, pin?: Set<number>): string => {
    if (!indexOf.has(key)) {
      indexOf.set(key, items.length);
      pin?.add(items.length);
      items.push({ key, text: text() });
    }
    return key;
  };
  const isHere = (node: number): boolean => folded.groupOf.get(node) === group;
  for (const node of folded.kept) if (isHere(node)) add(`${node}`, () => source.nodes[node]!);
  const edges = new Map<string, { fromKey: string; toKey: string }>();
  const join = (fromKey: string, toKey: string): void => {
    edges.set(`${fromKey}→${toKey}`, { fromKey, toKey });
  };
  const enters = (from: number, to: number, isCarried: boolean): void => {
    const name = isCarried ? `carried ${from}` : `in ${from}`;
    join(
      add(`${group} ${name}`, () => port(source.nodes[from]!, isCarried, "in"), first),
      `${to}`,
    );
  };
  const leaves = (from: number, isCarried: boolean): void => {
    const name = isCarried ? `next ${from}` : `out ${from}`;
    join(
      `${from}`,
      add(`${group} ${name}`, () => port(source.nodes[from]!, isCarried, "out"), last),
    );
  };
  const dropped = new Set(outer.dropped.map(([from, to]) => `${from} ${outer.unitOf(to)}`));
  for (const [from, to] of folded.edges) {
    if (isHere(from) && isHere(to)) join(`${from}`, `${to}`);
    else if (isHere(to)) enters(from, to, dropped.has(`${from} ${outer.unitOf(to)}`));
    else if (isHere(from)) leaves(from, dropped.has(`${from} ${outer.unitOf(to)}`));
  }
  for (const [from, to] of folded.carried) {
    if (isHere(to)) enters(from, to, true);
    if (isHere(from)) leaves(from, true);
  }
  const list = [...edges.values()];
  const placed = layered(
    items.map(({ text }) => sizeOf(text)),
    list.map((e) => ({ from: indexOf.get(e.fromKey)!, to: indexOf.get(e.toKey)! })),
    { first, last },
  );
  const title = boxText(source, folded, group);
  const width =
    Math.max(placed.width, 8 * (title.title.length + title.note.length) + 24) + 2 * PADDING;
  return {
    items,
    edges: list,
    placed,
    width,
    height: placed.height + TITLE + PADDING,
    offset(key) {
      const i = indexOf.get(`${group} ${key}`);
      if (i === undefined) return 0;
      return placed.corners[i]!.x + sizeOf(items[i]!.text).width / 2 - placed.width / 2;
    },
  };
}

function port(node: SourceNode, isCarried: boolean, way: "in" | "out"): NodeText {
  const what = isCarried
    ? way === "in"
      ? "from another copy or box"
      : "to another copy or box"
    : way === "in"
      ? "enters here"
      : "leaves here";
  const label = isCarried ? `${way === "in" ? "⟲" : "⟳"} ${node.label}` : node.label;
  return { label, detail: node.detail, kind: "port", rows: [["port", what], ...node.rows] };
}

// --- Edges -----------------------------------------------------------------------------------------

/** A smooth way through the bends, upright where it meets them. */
function pathOf(bends: readonly Point[]): string {
  const n = (x: number): string => String(Math.round(x));
  let out = `M${n(bends[0]!.x)} ${n(bends[0]!.y)}`;
  for (const [i, to] of bends.slice(1).entries()) {
    const from = bends[i]!;
    if (Math.round(from.x) === Math.round(to.x)) out += `V${n(to.y)}`;
    else {
      const half = (from.y + to.y) / 2;
      out += `C${n(from.x)} ${n(half)} ${n(to.x)} ${n(half)} ${n(to.x)} ${n(to.y)}`;
    }
  }
  return out;
}
