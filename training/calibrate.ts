/**
 * How large the operands of the engine's products are, measured on the processor: one micro-step in fp32
 * whose outputs are sizes, and from them the scales of the programs and of the loss.
 */
import { type Graph, leafName, makeGraph, nodesOf, type Output } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { abs } from "../compiler/ops/abs.ts";
import { reduceMax } from "../compiler/ops/reduce_max.ts";
import { reduceMean } from "../compiler/ops/reduce_mean.ts";
import { square } from "../compiler/ops/square.ts";
import type { AnePlan } from "../passes/ane/compile.ts";
import type { Call } from "../passes/ane/cut.ts";
import {
  type ProductScale,
  type ProductStatistics,
  productsOf,
  scaleFor,
} from "../passes/ane/place_scales.ts";
import { copierInto, leafNames, programGraph, programText } from "../passes/ane/program_graph.ts";
import { MOST_LOSS_SCALE } from "./options.ts";

/** One product of one call, and the names of the outputs that say how large it is. */
interface Measured {
  readonly program: string;
  readonly index: number;
  readonly isWeight: readonly [boolean, boolean];
  /** Whether it carries a gradient: then it is linear in the loss scale. */
  readonly isGradient: readonly [boolean, boolean];
  readonly output: string;
}

export interface Calibration {
  /** Computes the sizes from the inputs and parameters of the training graph. */
  readonly graph: Graph;
  readonly measured: readonly Measured[];
}

/** Names of the scalars of one product: size and peak of both operands, peak of the result. */
const PARTS = ["rms0", "rms1", "peak0", "peak1", "result"] as const;

/** The graph of sizes for the programs of a plan; `scale` is the input that all gradients are multiples of. */
export function calibrationOf({ graph, connections, roles }: AnePlan, scale: string): Calibration {
  const input = graph.inputs.find((leaf) => leafName(leaf) === scale);
  const scaled = dependentsOf(graph, input);
  const outputs: Output[] = [];
  const measured: Measured[] = [];
  /** Calls of equal text are one program, with the same names of leaves. */
  const parts = new Map<string, Graph>();
  for (const [c, { call }] of connections.entries()) {
    const text = programText(call);
    const part = parts.get(text) ?? programGraph(call);
    parts.set(text, part);
    const values = inside(graph, part, call);
    const names = new Map([...leafNames(call)].map(([node, name]) => [name, node]));
    const isWeight = (x: Node): boolean => {
      const leaf = x.op.name === "input" ? names.get(leafName(x)) : undefined;
      return leaf !== undefined && roles.weights.has(leaf);
    };
    const gradients = gradientNodes(part, (name) => scaled.has(names.get(name)!));
    for (const [index, product] of productsOf(part).entries()) {
      const [x, y] = product.inputs as readonly [Node, Node];
      const output = `${c}.${index}`;
      const [a, b, z] = [values(x), values(y), values(product)];
      const sizes = [sizeOf(a), sizeOf(b), peakOf(a), peakOf(b), peakOf(z)];
      for (const [i, node] of sizes.entries())
        outputs.push({ name: `${output}.${PARTS[i]}`, node });
      measured.push({
        program: call.name,
        index,
        isWeight: [isWeight(x), isWeight(y)],
        isGradient: [gradients.has(x), gradients.has(y)],
        output,
      });
    }
  }
  return { graph: makeGraph({ ...graph, name: "sizes", outputs }), measured };
}

const allAxes = (x: Node): number[] => x.type.shape.map((_, i) => i);
const sizeOf = (x: Node): Node => reduceMean(square(x), { axes: allAxes(x) });
/** The largest magnitude of a value, a scalar. */
export const peakOf = (x: Node): Node => reduceMax(abs(x), { axes: allAxes(x) });

/** The nodes of a program as nodes of the whole graph. */
function inside(graph: Graph, part: Graph, call: Call): (node: Node) => Node {
  const made = new Map<Node, Node>();
  const byName = new Map([...leafNames(call)].map(([node, name]) => [name, node]));
  for (const leaf of part.inputs) made.set(leaf, byName.get(leafName(leaf))!);
  return copierInto(graph.scope, made);
}

/** An input and the nodes that depend on it, in order. */
export function dependentsOf(graph: Graph, input: Node | undefined): ReadonlySet<Node> {
  const found = new Set(input === undefined ? [] : [input]);
  for (const node of nodesOf(graph)) if (node.inputs.some((x) => found.has(x))) found.add(node);
  return found;
}

/** Values of a program that a gradient reaches. */
function gradientNodes(part: Graph, isGradient: (leaf: string) => boolean): ReadonlySet<Node> {
  const found = new Set<Node>();
  // The nodes of the graph in order, so that each is looked at once.
  for (const node of nodesOf(part)) {
    const is =
      node.op.name === "input" ? isGradient(leafName(node)) : node.inputs.some((x) => found.has(x));
    if (is) found.add(node);
  }
  return found;
}

/** Scales by program, and the scale of the loss that they were found for. */
export interface Scales {
  readonly lossScale: number;
  readonly programs: ReadonlyMap<string, readonly (ProductScale | undefined)[]>;
}

/** The largest magnitude of a gradient on the first window, with the loss scale that is found: later ones may be
 * 128 times as large before one is dropped. */
const MOST_GRADIENT = 2 ** 6;

/**
 * Scales from sizes; `read` gives the scalar outputs of the calibration's graph, at a loss scale of 1. `asked` is
 * the loss scale that they are for; null: one that the gradients have room with.
 */
export function scalesFrom(
  { measured }: Calibration,
  read: (output: string) => number,
  asked: number | null = null,
): Scales {
  const gradientPeaks = measured.flatMap(({ output, isGradient }) => [
    ...isGradient.map((is, i) => (is ? read(`${output}.peak${i}`) : 0)),
    isGradient.some(Boolean) ? read(`${output}.result`) : 0,
  ]);
  const largest = Math.max(1e-30, ...gradientPeaks);
  const fitting = 2 ** Math.max(0, Math.floor(Math.log2(MOST_GRADIENT / largest)));
  const lossScale = asked ?? Math.min(MOST_LOSS_SCALE, fitting);
  const seen = new Map<
    string,
    { isWeight: readonly [boolean, boolean]; list: ProductStatistics[] }[]
  >();
  for (const { program, index, isWeight, isGradient, output } of measured) {
    const factors = isGradient.map((is) => (is ? lossScale : 1)) as [number, number];
    const both = factors[0] * factors[1];
    const list = seen.get(program) ?? [];
    seen.set(program, list);
    list[index] ??= { isWeight, list: [] };
    list[index].list.push({
      rms: [
        Math.sqrt(read(`${output}.rms0`)) * factors[0],
        Math.sqrt(read(`${output}.rms1`)) * factors[1],
      ],
      peaks: [read(`${output}.peak0`) * factors[0], read(`${output}.peak1`) * factors[1]],
      resultPeak: read(`${output}.result`) * both,
    });
  }
  const programs = new Map(
    [...seen].map(([name, list]) => [name, list.map((p) => scaleFor(p.list, p.isWeight))]),
  );
  return { lossScale, programs };
}
