/**
 * Places the nodes of an acyclic graph in layers, operands above their users, as Sugiyama and others do.
 *
 *     1  layer of a node     one below its lowest operand; a node without operands just above its users
 *     2  order in a layer    by the mean place of neighbours, sweeping down and up
 *     3  places              least squares to the neighbours, no two nodes nearer than the gap
 *
 * An edge over several layers gets a point in each, so that it runs between the nodes. Every loop is bounded
 * by the size of the graph. Units are those of the nodes' sizes (pixels of the drawing).
 */
import { invariant } from "../../compiler/support/bug.ts";
import { separated, type Wish } from "./separate.ts";

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** From the bottom of one node to the top of another. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  /** Where it leaves and arrives, right of the nodes' middles. Default: 0. */
  readonly fromOffset?: number;
  readonly toOffset?: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Placed extends Box {
  /** The top left corner of each node. */
  readonly corners: readonly Point[];
  /** The bends of each edge, its ends included. */
  readonly bends: readonly (readonly Point[])[];
}

export interface LayeredOptions {
  /** Between neighbours of a layer, and between layers. */
  readonly gap?: number;
  readonly rowGap?: number;
  /** Edges over more layers than this run straight. */
  readonly longest?: number;
  /** Nodes that stand in the first layer (and read nothing), and in the last one (and nothing reads them). */
  readonly first?: ReadonlySet<number>;
  readonly last?: ReadonlySet<number>;
}

const SWEEPS = 12;
const PLACINGS = 16;
/** What a point weighs that keeps to the line of its edge, and a node that nothing pulls. */
const STRAIGHT = 6;
const WEAK = 0.01;
const LONG_PULL = 0.12;

/** A node, or the point of an edge in a layer that it only crosses. */
interface Item {
  readonly width: number;
  readonly layer: number;
  /** The points of the edge, where it is one. */
  readonly points?: readonly Item[];
  x: number;
  order: number;
}

interface Link {
  readonly from: Item;
  readonly to: Item;
  readonly fromOffset: number;
  readonly toOffset: number;
}

/** Throws a bug where the edges have a cycle. */
export function layered(
  boxes: readonly Box[],
  edges: readonly Edge[],
  { gap = 18, rowGap = 34, longest = 40, first, last }: LayeredOptions = {},
): Placed {
  const layerOf = pinned(layersOf(boxes.length, edges), first, last);
  const items = boxes.map(
    (box, i): Item => ({ width: box.width, layer: layerOf[i]!, x: 0, order: i }),
  );
  const depth = Math.max(0, ...layerOf) + 1;
  const layers = Array.from({ length: depth }, (): Item[] => []);
  for (const item of items) layers[item.layer]!.push(item);

  const links: Link[] = [];
  const ways = edges.map((edge) => {
    const start = items[edge.from]!;
    const last = items[edge.to]!;
    const points: Item[] = [];
    const span = last.layer - start.layer;
    for (let layer = start.layer + 1; span <= longest && layer < last.layer; layer++) {
      const point: Item = { width: 0, layer, points, x: 0, order: layers[layer]!.length };
      layers[layer]!.push(point);
      points.push(point);
    }
    const way = [start, ...points, last];
    if (span <= longest) links.push(...linksAlong(way, edge));
    return way;
  });

  const above = neighbours(links, "to");
  const below = neighbours(links, "from");
  order(layers, above, below);
  place(layers, above, below, gap);
  return drawn({ boxes, edges, items, ways, layers, rowGap });
}

function linksAlong(way: readonly Item[], { fromOffset = 0, toOffset = 0 }: Edge): Link[] {
  return way.slice(1).map((to, i) => ({
    from: way[i]!,
    to,
    fromOffset: i === 0 ? fromOffset : 0,
    toOffset: i === way.length - 2 ? toOffset : 0,
  }));
}

/** The layer of each node: the longest way from a node without operands, then as near to its users as it goes. */
function layersOf(count: number, edges: readonly Edge[]): number[] {
  const users = Array.from({ length: count }, (): number[] => []);
  const waiting = new Array<number>(count).fill(0);
  for (const { from, to } of edges) {
    users[from]!.push(to);
    waiting[to]! += 1;
  }
  const hasOperands = waiting.map((n) => n > 0);
  const layer = new Array<number>(count).fill(0);
  const ready = [...waiting.keys()].filter((i) => waiting[i] === 0);
  for (let at = 0; at < ready.length; at++) {
    const node = ready[at]!;
    for (const user of users[node]!) {
      layer[user] = Math.max(layer[user]!, layer[node]! + 1);
      waiting[user]! -= 1;
      if (waiting[user] === 0) ready.push(user);
    }
  }
  invariant(ready.length === count, "a drawing has a cycle");
  for (const node of ready) {
    if (hasOperands[node] || users[node]!.length === 0) continue;
    layer[node] = users[node]!.reduce((n, user) => Math.min(n, layer[user]!), count) - 1;
  }
  return layer;
}

/** The layers with pinned nodes above and below all others. */
function pinned(
  layerOf: readonly number[],
  first: ReadonlySet<number> = new Set(),
  last: ReadonlySet<number> = new Set(),
): number[] {
  const inner = [...layerOf.keys()].filter((i) => !first.has(i) && !last.has(i));
  const top = inner.reduce((n, i) => Math.min(n, layerOf[i]!), layerOf.length);
  const shift = (first.size > 0 ? 1 : 0) - (inner.length === 0 ? 0 : top);
  const bottom = inner.reduce((n, i) => Math.max(n, layerOf[i]! + shift), 0) + 1;
  return layerOf.map((layer, i) => (first.has(i) ? 0 : last.has(i) ? bottom : layer + shift));
}

type Neighbours = ReadonlyMap<Item, readonly Link[]>;

function neighbours(links: readonly Link[], end: "from" | "to"): Neighbours {
  const found = new Map<Item, Link[]>();
  for (const link of links) {
    const list = found.get(link[end]);
    if (list === undefined) found.set(link[end], [link]);
    else list.push(link);
  }
  return found;
}

/** Sweeps down and up; each layer is sorted by the mean place of its neighbours in the layer before. */
function order(layers: readonly Item[][], above: Neighbours, below: Neighbours): void {
  const sort = (layer: Item[], side: Neighbours, other: "from" | "to"): void => {
    const mean = new Map(
      layer.map((item) => {
        const links = side.get(item) ?? [];
        // A fraction of a place, so that two pills of one box keep their order.
        const sum = links.reduce(
          (n, l) => n + l[other].order + l[other === "from" ? "fromOffset" : "toOffset"] / 1e5,
          0,
        );
        return [item, links.length === 0 ? item.order : sum / links.length] as const;
      }),
    );
    layer.sort((a, b) => mean.get(a)! - mean.get(b)! || a.order - b.order);
    for (const [i, item] of layer.entries()) item.order = i;
  };
  for (const layer of layers) for (const [i, item] of layer.entries()) item.order = i;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const layer of layers) sort(layer, above, "from");
    for (const layer of [...layers].reverse()) sort(layer, below, "to");
  }
}

function place(layers: readonly Item[][], above: Neighbours, below: Neighbours, gap: number): void {
  const wishOf = (item: Item, sides: readonly Neighbours[]): Wish => {
    let [sum, weight] = [0, 0];
    for (const side of sides) {
      for (const link of side.get(item) ?? []) {
        const isBelow = link.from === item;
        const there = isBelow ? link.to.x + link.toOffset : link.from.x + link.fromOffset;
        // A neighbour pulls more than the far end of a long edge.
        const pull = (isBelow ? link.to : link.from).points === undefined ? 1 : LONG_PULL;
        sum += pull * (there - (isBelow ? link.fromOffset : link.toOffset));
        weight += pull;
      }
    }
    return weight === 0 ? { at: item.x, weight: WEAK } : { at: sum / weight, weight };
  };
  const settle = (layer: readonly Item[], sides: readonly Neighbours[], isStraight: boolean) => {
    const wishes = layer.map((item): Wish => {
      const { points } = item;
      if (points === undefined || !isStraight) return wishOf(item, sides);
      const mean = points.reduce((n, p) => n + p.x, 0) / points.length;
      return { at: mean, weight: STRAIGHT };
    });
    const places = separated(
      wishes,
      layer.map((item) => item.width),
      gap,
    );
    for (const [i, item] of layer.entries()) item.x = places[i]!;
  };
  for (let round = 0; round < PLACINGS; round++) {
    const both = round < 2 ? undefined : [above, below];
    const isStraight = round >= PLACINGS / 2;
    for (const layer of layers) settle(layer, both ?? [above], isStraight);
    for (const layer of [...layers].reverse()) settle(layer, both ?? [below], isStraight);
  }
}

interface Drawing {
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
  readonly items: readonly Item[];
  readonly ways: readonly (readonly Item[])[];
  readonly layers: readonly (readonly Item[])[];
  readonly rowGap: number;
}

function drawn({ boxes, edges, items, ways, layers, rowGap }: Drawing): Placed {
  const heights = layers.map(() => 0);
  for (const [i, { layer }] of items.entries())
    heights[layer] = Math.max(heights[layer]!, boxes[i]!.height);
  const tops: number[] = [];
  let y = 0;
  for (const height of heights) {
    tops.push(y);
    y += height + rowGap;
  }
  let [left, right] = [0, 0];
  for (const layer of layers) {
    for (const { x, width } of layer) {
      left = Math.min(left, x - width / 2);
      right = Math.max(right, x + width / 2);
    }
  }
  const corners = items.map(({ x, layer }, i) => {
    const { width, height } = boxes[i]!;
    return { x: x - width / 2 - left, y: tops[layer]! + (heights[layer]! - height) / 2 };
  });
  const bends = edges.map((edge, i) => {
    const inner = ways[i]!.slice(1, -1).flatMap(({ x, layer }) => [
      { x: x - left, y: tops[layer]! },
      { x: x - left, y: tops[layer]! + heights[layer]! },
    ]);
    const end = (node: number, offset: number, isBottom: boolean): Point => {
      const { width, height } = boxes[node]!;
      const corner = corners[node]!;
      return { x: corner.x + width / 2 + offset, y: corner.y + (isBottom ? height : 0) };
    };
    const start = end(edge.from, edge.fromOffset ?? 0, true);
    return [start, ...inner, end(edge.to, edge.toOffset ?? 0, false)];
  });
  return { width: right - left, height: Math.max(0, y - rowGap), corners, bends };
}
