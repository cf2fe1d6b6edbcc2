/** Turns the samples that ops declare into graphs and values. */
import { type Graph, leafName, makeGraph } from "../../compiler/ir/graph.ts";
import { makeNode, newScope } from "../../compiler/ir/node.ts";
import { type Dim, dim, sizesOf, type TensorType } from "../../compiler/ir/types.ts";
import type { OpDef, OpSample } from "../../compiler/ops/define.ts";
import { input } from "../../compiler/ops/input.ts";
import { countOf, type Tensor, tensor } from "../../compiler/ops/tensor.ts";

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `S:3,D:4` as dimensions. */
export function dims(text: string): Dim[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const [name, size] = part.trim().includes(":") ? part.trim().split(":") : [null, part];
    return dim(name ?? null, Number(size));
  });
}

export function randomTensor(
  shape: readonly number[],
  random: () => number,
  [low, high]: readonly [number, number],
): Tensor {
  return tensor(
    shape,
    Float64Array.from({ length: countOf(shape) }, () => low + (high - low) * random()),
  );
}

/** A graph of one op on inputs `x0`, `x1`, … and random values for them. */
export function sampleGraph(
  op: OpDef,
  sample: OpSample,
  random: () => number,
): { graph: Graph; values: Map<string, Tensor> } {
  const scope = newScope();
  const values = new Map<string, Tensor>();
  const inputs = sample.inputs.map((given, i) => {
    const { shape, below } = typeof given === "string" ? { shape: given, below: undefined } : given;
    const type: TensorType = { dtype: below === undefined ? "f32" : "i32", shape: dims(shape) };
    const node = input(scope, `x${i}`, type);
    const sizes = sizesOf(type.shape);
    const value =
      below === undefined
        ? randomTensor(sizes, random, sample.domain ?? op.domain)
        : tensor(
            sizes,
            Float64Array.from({ length: countOf(sizes) }, () => Math.floor(random() * below)),
          );
    values.set(leafName(node), value);
    return node;
  });
  const node = makeNode(scope, op, inputs, sample.attrs ?? {});
  return {
    graph: makeGraph({ name: op.name, inputs, params: [], outputs: [{ name: "y", node }], scope }),
    values,
  };
}
