/**
 * The values that parameters start with.
 *
 * Parameters are drawn in the order of the graph from one stream of a seed, each by its `init`. Tables
 * over a compacted vocabulary are drawn whole and their rows picked, so that a row starts the same
 * whichever ids the data holds. The spare row starts as the row of the lowest id that training never
 * sees.
 */
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { bug } from "../compiler/support/bug.ts";
import { nameOf } from "./model.ts";
import { createRandom, type Random } from "./random.ts";
import { rowsOfTable, type Vocabulary } from "./vocabulary.ts";

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
  const rows = rowsOfTable(vocabulary);
  for (const param of graph.params) {
    const draw = drawOf(param, random);
    const target = values(leafName(param));
    const shape = param.type.shape;
    const isVocabulary = shape.map((d) => rows !== null && nameOf(d) === vocabulary.dim);
    if (rows === null || !isVocabulary.includes(true)) draw(target);
    else drawPicked(target, { sizes: shape.map((d) => d.size), isVocabulary, rows, draw });
  }
}

type Draw = (into: Float32Array) => void;

/** `uniform A`, `normal A`, `constant A`, `ones` or `zeros`: see compiler/ops/input.ts. */
function drawOf(param: Node, random: Random): Draw {
  const text = String(param.attrs["init"] ?? "zeros");
  const [kind, number = "0"] = text.split(" ");
  const scale = Number(number);
  switch (kind) {
    case "uniform":
      return (into) => random.fillUniform(into, scale);
    case "normal":
      return (into) => {
        for (let i = 0; i < into.length; i++) into[i] = scale * normal(random);
      };
    case "constant":
      return (into) => into.fill(scale);
    case "ones":
      return (into) => into.fill(1);
    case "zeros":
      return (into) => into.fill(0);
    default:
      return bug(`parameter ${leafName(param)} has the unknown init \`${text}\``);
  }
}

/** A number of the standard normal distribution from two draws (Box and Muller). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.drand48()));
  return radius * Math.cos(2 * Math.PI * random.drand48());
}

interface Picked {
  /** Of the parameter, with the picked rows only. */
  readonly sizes: readonly number[];
  readonly isVocabulary: readonly boolean[];
  /** The row of each id along those axes, or −1. */
  readonly rows: Int32Array;
  readonly draw: Draw;
}

/** Draws the whole table slice by slice along its first axis and keeps what is picked. */
function drawPicked(target: Float32Array, { sizes, isVocabulary, rows, draw }: Picked): void {
  const full = sizes.map((size, axis) => (isVocabulary[axis] ? rows.length : size));
  const slice = new Float32Array(full.slice(1).reduce((n, d) => n * d, 1));
  const offsets = offsetsInSlice(full.slice(1), isVocabulary.slice(1), rows, sizes.slice(1));
  for (let i = 0; i < full[0]!; i++) {
    draw(slice);
    const row = isVocabulary[0] ? rows[i]! : i;
    if (row < 0) continue;
    const at = row * offsets.length;
    for (let j = 0; j < offsets.length; j++) target[at + j] = slice[offsets[j]!]!;
  }
}

/** For each element of a picked slice, its index in the whole slice. */
function offsetsInSlice(
  full: readonly number[],
  isVocabulary: readonly boolean[],
  rows: Int32Array,
  sizes: readonly number[],
): Int32Array {
  let offsets = Int32Array.of(0);
  for (const [axis, size] of sizes.entries()) {
    const next = new Int32Array(offsets.length * size);
    for (let i = 0; i < full[axis]!; i++) {
      const row = isVocabulary[axis] ? rows[i]! : i;
      if (row < 0) continue;
      for (const [j, offset] of offsets.entries()) next[j * size + row] = offset * full[axis]! + i;
    }
    offsets = next;
  }
  return offsets;
}
