/** Laws of drawings: what is placed stands apart, edges go down, equal copies are drawn once. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { drawingOf } from "../../../report/graph/arrange.ts";
import type { GraphSource, SourceNode } from "../../../report/graph/drawing.ts";
import { fold } from "../../../report/graph/fold.ts";
import { type Edge, layered } from "../../../report/graph/layered.ts";
import { separated } from "../../../report/graph/separate.ts";

const boxes = fc.array(
  fc.record({ width: fc.integer({ min: 1, max: 200 }), height: fc.integer({ min: 1, max: 90 }) }),
  { minLength: 1, maxLength: 24 },
);

/** Edges from earlier nodes to later ones, leaving and arriving inside of them. */
const dag = boxes.chain((list) =>
  fc.record({
    boxes: fc.constant(list),
    edges: fc
      .array(
        fc.tuple(
          fc.nat(list.length - 1),
          fc.nat(list.length - 1),
          fc.double({ min: -0.5, max: 0.5, noNaN: true }),
        ),
        {
          maxLength: 40,
        },
      )
      .map((pairs): Edge[] =>
        pairs
          .filter(([a, b]) => a !== b)
          .map(([a, b, side]) => ({
            from: Math.min(a, b),
            to: Math.max(a, b),
            fromOffset: side * list[Math.min(a, b)]!.width,
          })),
      ),
  }),
);

test("nodes stand apart, edges go down from node to node, and everything lies on the page", () => {
  fc.assert(
    fc.property(dag, ({ boxes: list, edges }) => {
      const { corners, bends, width, height } = layered(list, edges);
      for (const [i, a] of corners.entries()) {
        expect(a.x).toBeGreaterThanOrEqual(-1e-6);
        expect(a.y).toBeGreaterThanOrEqual(-1e-6);
        expect(a.x + list[i]!.width).toBeLessThanOrEqual(width + 1e-6);
        expect(a.y + list[i]!.height).toBeLessThanOrEqual(height + 1e-6);
        for (const [j, b] of corners.entries()) {
          if (j <= i) continue;
          const isApart =
            a.x + list[i]!.width <= b.x ||
            b.x + list[j]!.width <= a.x ||
            a.y + list[i]!.height <= b.y ||
            b.y + list[j]!.height <= a.y;
          expect(isApart, `${i} and ${j} overlap`).toBe(true);
        }
      }
      for (const [e, { from, to, fromOffset = 0 }] of edges.entries()) {
        const way = bends[e]!;
        const [start, end] = [way[0]!, way.at(-1)!];
        expect(start.y).toBeCloseTo(corners[from]!.y + list[from]!.height, 6);
        expect(start.x).toBeCloseTo(corners[from]!.x + list[from]!.width / 2 + fromOffset, 6);
        expect(end.y).toBeCloseTo(corners[to]!.y, 6);
        for (const [k, point] of way.slice(1).entries())
          expect(point.y).toBeGreaterThanOrEqual(way[k]!.y - 1e-6);
      }
    }),
    { numRuns: 200 },
  );
});

test("a cycle is a bug of ours", () => {
  const box = { width: 1, height: 1 };
  const edges = [
    { from: 0, to: 1 },
    { from: 1, to: 0 },
  ];
  expect(() => layered([box, box], edges)).toThrow("a drawing has a cycle");
});

test("separated things are in order and apart, and no other places are nearer to the wishes", () => {
  const wish = fc.record({
    at: fc.integer({ min: -300, max: 300 }),
    weight: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 0, max: 80 }),
    nudge: fc.double({ min: -20, max: 20, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 12 }), fc.nat(40), (list, gap) => {
      const widths = list.map((w) => w.width);
      const least = (i: number): number => (widths[i]! + widths[i + 1]!) / 2 + gap;
      const cost = (places: readonly number[]): number =>
        places.reduce((n, x, i) => n + list[i]!.weight * (x - list[i]!.at) ** 2, 0);
      const places = separated(list, widths, gap);
      for (const [i, x] of places.slice(1).entries())
        expect(x - places[i]!).toBeGreaterThanOrEqual(least(i) - 1e-9);
      // Other places that are in order, on the way from these to random ones.
      const others = places.map((x, i) => x + list[i]!.nudge);
      for (let i = 1; i < others.length; i++)
        others[i] = Math.max(others[i]!, others[i - 1]! + least(i - 1));
      expect(cost(places)).toBeLessThanOrEqual(cost(others) + 1e-6);
    }),
  );
});

/** Layers of a chain: in each `depth` nodes, the last of which the next layer reads. */
function chain(layers: number, depth: number, odd: number | undefined): GraphSource {
  const nodes: SourceNode[] = [node("input", [])];
  for (let layer = 0; layer < layers; layer++) {
    for (let i = 0; i < depth; i++) {
      const label = layer === odd && i === 0 ? "odd" : `op${i}`;
      const instance = { family: "block", index: `block.${layer}` };
      nodes.push({ ...node(label, [nodes.length - 1]), instance });
    }
  }
  nodes.push(node("loss", [nodes.length - 1]));
  return { nodes, families: new Map([["block", { title: "block", where: "none" }]]) };
}

function node(label: string, inputs: readonly number[]): SourceNode {
  return { label, detail: "[S, D]", kind: "other", rows: [], inputs };
}

test("equal layers are drawn once; a layer that differs is drawn for itself", () => {
  const size = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(size, size, fc.option(fc.nat(5), { nil: undefined }), (layers, depth, odd) => {
      const source = chain(layers, depth, odd);
      const { groups, kept, carried } = fold(source);
      const hasOdd = odd !== undefined && odd < layers;
      const equal = hasOdd ? layers - 1 : layers;
      expect(groups.reduce((n, g) => n + g.indices.length, 0)).toBe(layers);
      expect(kept).toHaveLength(2 + depth * ((equal > 0 ? 1 : 0) + (hasOdd ? 1 : 0)));
      // What a layer hands to the next is carried where both are drawn as one.
      const isPlain = (layer: number): boolean => layer < layers && layer !== odd;
      const hands = Array.from({ length: layers }, (_, i) => isPlain(i) && isPlain(i + 1));
      expect(carried.length > 0).toBe(hands.includes(true));
      const drawing = drawingOf(source);
      expect(drawing.boxes).toHaveLength(groups.length);
      expect(drawing.total).toBe(source.nodes.length);
      for (const { from, to } of drawing.edges) {
        expect(drawing.nodes[from]).toBeDefined();
        expect(drawing.nodes[to]!.reads).toContain(from);
      }
    }),
  );
});

test("every node is drawn, or a copy of it is; every edge stays, is carried, or enters a box", () => {
  const random = fc
    .array(
      fc.record({
        label: fc.constantFrom("add", "mul", "matmul"),
        family: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
        index: fc.constantFrom("a.0", "a.1", "a.2"),
        reads: fc.array(fc.nat(), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 30 },
    )
    .map((list): GraphSource => {
      const nodes = list.map(({ label, family, index, reads }, i) => ({
        ...node(label, i === 0 ? [] : [...new Set(reads.map((r) => r % i))]),
        ...(family === undefined ? {} : { instance: { family, index } }),
      }));
      const family = (title: string) => [title, { title, where: "host" }] as const;
      return { nodes, families: new Map([family("a"), family("b")]) };
    });
  fc.assert(
    fc.property(random, (source) => {
      const folded = fold(source);
      const copies = folded.groups.map((g) => g.indices.length);
      const drawn = folded.kept.reduce((n, i) => {
        const group = folded.groupOf.get(i);
        return n + (group === undefined ? 1 : copies[group]!);
      }, 0);
      expect(drawn).toBe(source.nodes.length);
      // Boxes that would wait for each other are no trouble.
      const drawing = drawingOf(source);
      const single = drawing.nodes.filter((n) => n.kind !== "port");
      expect(single).toHaveLength(folded.kept.length);
    }),
    { numRuns: 300 },
  );
});
