/**
 * The parameters that a step of MeZO moves, in order. With `--compat autoane` they are counted as AutoANE does:
 *
 *   full    embedding, then of each layer the norm of attention, Wq, Wk, Wv, Wo, the norm of the feed-forward part,
 *           W1, W2, W3, and last the final norm
 *   LoRA    of each layer Aq, Bq, Ak, Bk, Av, Bv, Ao, Bo, A1, B1, A2, B2, A3, B3 and both norms, then the final norm
 *
 * Matrices are stored [outputs, inputs] there, and the table has a row for every id.
 */
import { type Graph, isTrained, leafName } from "../../compiler/ir/graph.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { adapterPath } from "../../passes/lora.ts";
import { autoaneLayers } from "../initialise_autoane.ts";
import { withoutAdapters } from "../lora/initialise.ts";
import type { Vocabulary } from "../vocabulary.ts";
import type { Layout } from "./perturb.ts";

export interface Moved {
  readonly path: string;
  readonly elements: number;
  /** As AutoANE counts it; undefined where it has no say. */
  readonly layout?: Layout;
}

/** In the order of the graph. */
export function movedParams(graph: Graph): Moved[] {
  return graph.params.filter(isTrained).map((p) => {
    const elements = sizesOf(p.type.shape).reduce((a, b) => a * b, 1);
    return { path: leafName(p), elements };
  });
}

/** In AutoANE's order. Throws a `UserError` (E0907) for a model that it does not have. */
export function autoaneParams(graph: Graph, vocabulary: Vocabulary): Moved[] {
  const layers = autoaneLayers(withoutAdapters(graph).params.map(leafName));
  const shapes = new Map(
    graph.params.filter(isTrained).map((p) => [leafName(p), sizesOf(p.type.shape)]),
  );
  const found: Moved[] = [];
  const take = (path: string): void => {
    const shape = shapes.get(path);
    if (shape === undefined) return;
    const [a = 1, b = 1] = shape;
    const isMatrix = shape.length === 2;
    const layout = { outer: isMatrix ? b : a, inner: isMatrix ? a : b, transposed: isMatrix };
    found.push({ path, elements: a * b, layout });
  };
  const table = shapes.get("embed.weight");
  if (table !== undefined) found.push(tableOf(table as [number, number], vocabulary));
  for (let i = 0; i < layers; i++) {
    const at = (name: string): string => `block.${i}.${name}`;
    const adapter = (name: string): void => {
      take(adapterPath(at(name), "a"));
      take(adapterPath(at(name), "b"));
    };
    for (const name of ["wq", "wk", "wv", "wo"]) adapter(`attn.${name}`);
    for (const name of ["w1", "w2", "w3"]) adapter(`ffn.${name}`);
    take(at("attn_norm.weight"));
    for (const name of ["wq", "wk", "wv", "wo"]) take(at(`attn.${name}`));
    take(at("ffn_norm.weight"));
    for (const name of ["w1", "w2", "w3"]) take(at(`ffn.${name}`));
  }
  take("norm.weight");
  return found;
}

function tableOf([rows, inner]: readonly [number, number], { active, full }: Vocabulary): Moved {
  const own = { path: "embed.weight", elements: rows * inner };
  if (active === null) return { ...own, layout: { outer: rows, inner, transposed: false } };
  const map = new Int32Array(full).fill(-1);
  for (const [row, id] of active.entries()) map[id] = row;
  return { ...own, layout: { outer: full, inner, transposed: false, map } };
}
