/**
 * The values that adapters start with: A uniform in ±1/√rank, B zero, so that the model starts as it was.
 *
 * The numbers are AutoANE's, bit for bit: drand48 of the seed + 12345, over the A's in the order of the graph, each
 * as [rank, inputs], which is the transpose of ours.
 */
import type { Graph } from "../../compiler/ir/graph.ts";
import { leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { adapterOf } from "../../passes/lora.ts";
import type { InitialiseOptions } from "../initialise.ts";
import { createRandom } from "../random.ts";

const SEED_OFFSET = 12345;

/** The same graph with the parameters of the model alone. */
export function withoutAdapters(graph: Graph): Graph {
  return { ...graph, params: graph.params.filter((p) => adapterOf(p) === undefined) };
}

/** Sets the adapters of a graph; nothing if it has none. */
export function initialiseAdapters(
  graph: Graph,
  { seed, values }: Pick<InitialiseOptions, "seed" | "values">,
): void {
  const random = createRandom(seed + SEED_OFFSET);
  for (const param of graph.params) {
    const part = adapterOf(param);
    if (part === undefined) continue;
    const target = values(leafName(param));
    if (part.side === "b") {
      target.fill(0);
      continue;
    }
    const [inputs, rank] = sizesOf(param.type.shape) as [number, number];
    const scale = Math.fround(1 / Math.fround(Math.sqrt(rank)));
    for (let r = 0; r < rank; r++) {
      for (let i = 0; i < inputs; i++) target[i * rank + r] = scale * (2 * random.drand48() - 1);
    }
  }
}
