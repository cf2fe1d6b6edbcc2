/**
 * The values that parameters start with.
 *
 * Parameters are drawn in the order of the graph from one stream of a seed, each by its `init`. Tables
 * over a compacted vocabulary have the values of the whole ones, so that a row starts the same whichever
 * ids the data holds: the draws of the rows between are skipped. The spare row starts as the row of the
 * lowest id that training never sees.
 */
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { bug } from "../compiler/support/bug.ts";
import { nameOf } from "./model.ts";
import { createRandom, type Random } from "./random.ts";
import { type PickedRow, pickedRows, type Vocabulary } from "./vocabulary.ts";

/** Where the values of a parameter go: row-major, as long as its elements. */
export type ParamValues = (path: string) => Float32Array;

export interface InitialiseOptions {
  readonly seed: number;
  readonly vocabulary: Vocabulary;
  readonly values: ParamValues;
}

/** Sets every parameter of a graph. */
export function initialise(graph: Graph, { seed, vocabulary, values }: InitialiseOptions): void {
  const random = createRandom(seed);
  const picked = pickedRows(vocabulary);
  for (const param of graph.params) {
    const draw = drawOf(param, random);
    const target = values(leafName(param));
    const shape = param.type.shape;
    const axes = shape.map((d): Axis => {
      if (picked === null || nameOf(d) !== vocabulary.dim) return { size: d.size, full: d.size };
      return { size: d.size, full: vocabulary.full, picked };
    });
    drawPicked(target, axes, draw, random);
  }
}

/** How the elements of a parameter are drawn. */
interface Draw {
  /** Numbers of the stream that each element takes. */
  readonly numbers: 0 | 1 | 2;
  /** Sets the elements [from, to). */
  readonly fill: (into: Float32Array, from: number, to: number) => void;
}

/** `uniform A`, `normal A`, `constant A`, `ones` or `zeros`: see compiler/ops/input.ts. */
function drawOf(param: Node, random: Random): Draw {
  const text = String(param.attrs["init"] ?? "zeros");
  const [kind, number = "0"] = text.split(" ");
  const scale = Number(number);
  switch (kind) {
    case "uniform":
      return each(1, () => scale * (2 * random.drand48() - 1));
    case "normal":
      return each(2, () => scale * normal(random));
    case "constant":
      return each(0, () => scale);
    case "ones":
      return each(0, () => 1);
    case "zeros":
      return each(0, () => 0);
    default:
      return bug(`parameter ${leafName(param)} has the unknown init \`${text}\``);
  }
}

/** One call of `next` for each element. */
function each(numbers: Draw["numbers"], next: () => number): Draw {
  return {
    numbers,
    fill: (into, from, to) => {
      for (let i = from; i < to; i++) into[i] = next();
    },
  };
}

/** A number of the standard normal distribution from two draws (Box and Muller). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.drand48()));
  return radius * Math.cos(2 * Math.PI * random.drand48());
}

/** One axis of a parameter. */
interface Axis {
  /** With the picked rows only. */
  readonly size: number;
  /** Of the whole parameter. */
  readonly full: number;
  /** Along the vocabulary: its rows. Every index along the other axes. */
  readonly picked?: readonly PickedRow[];
}

/**
 * Sets the elements that are picked in the order of the whole parameter, and skips the draws of those
 * between them, so that the time does not depend on the size of the vocabulary.
 */
function drawPicked(
  target: Float32Array,
  axes: readonly Axis[],
  { numbers, fill }: Draw,
  random: Random,
): void {
  const fullSize = productFrom(axes, (axis) => axis.full);
  const size = productFrom(axes, (axis) => axis.size);
  // From this axis on everything is picked.
  const whole = axes.findLastIndex((axis) => axis.picked !== undefined) + 1;
  let drawn = 0;
  const goTo = (element: number): void => {
    if (element > drawn) random.skip((element - drawn) * numbers);
    drawn = element;
  };
  /** `full` and `at`: where the part begins among the elements of the whole, and in the target. */
  const visit = (axis: number, full: number, at: number): void => {
    if (axis === whole) {
      goTo(full);
      fill(target, at, at + size[axis]!);
      drawn += size[axis]!;
      return;
    }
    const [fullStep, step] = [fullSize[axis + 1]!, size[axis + 1]!];
    const { picked } = axes[axis]!;
    if (picked !== undefined) {
      for (const { id, row } of picked) visit(axis + 1, full + id * fullStep, at + row * step);
    } else {
      for (let i = 0; i < axes[axis]!.size; i++)
        visit(axis + 1, full + i * fullStep, at + i * step);
    }
  };
  visit(0, 0, 0);
  goTo(fullSize[0]!);
}

/** For each axis, and for the end, the product of the sizes from there on. */
function productFrom(axes: readonly Axis[], sizeOf: (axis: Axis) => number): number[] {
  const products = [1];
  for (const axis of [...axes].reverse()) products.unshift(products[0]! * sizeOf(axis));
  return products;
}
