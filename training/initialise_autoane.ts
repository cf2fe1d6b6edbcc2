/**
 * The initial values of AutoANE, bit for bit.
 *
 * One stream, u() = 2·drand48() − 1; for each layer Wq, Wk, Wv, Wo, W1, W2, W3, and last the embedding
 * over the whole vocabulary. AutoANE stores weights [out, in]; ours are [in, out], so each is filled
 * transposed. Scales are products of floats; times u() they are rounded once more.
 *
 *     Wq Wk Wv   1/sqrt(D)                W1 W3   1/sqrt(F)
 *     Wo         1/sqrt(H·E) · r          W2      1/sqrt(D) · r         r = 1/sqrt(2L)
 *
 * W1, W3 and W2 have each other's fan-in; that is how it is.
 */
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import { sizesOf } from "../compiler/ir/types.ts";
import { notLlamaShaped } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { InitialiseOptions } from "./initialise.ts";
import { createRandom } from "./random.ts";
import { pickedRows } from "./vocabulary.ts";

/**
 * Sets every parameter of a Llama of the library; with `zero`, Wo and W2 take no draws and are 0. Throws a
 * `UserError` (E0907) for any other model.
 */
export function initialiseAutoane(
  graph: Graph,
  { seed, vocabulary, values }: InitialiseOptions,
  { outputs = "drawn" }: { readonly outputs?: "drawn" | "zero" } = {},
): void {
  const shapes = new Map(graph.params.map((p) => [leafName(p), p.type.shape]));
  const layers = autoaneLayers(shapes.keys());
  const sizes = (path: string): [number, number] => sizesOf(shapes.get(path)!) as [number, number];
  const random = createRandom(seed);

  /** Draws [out, in] into [in, out]. */
  const fill = (path: string, scale: number): void => {
    const [inputs, outputs] = sizes(path);
    const target = values(path);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) target[i * outputs + o] = scale * (2 * random.drand48() - 1);
    }
  };

  const fillOutput = (path: string, scale: number): void => {
    if (outputs === "drawn") fill(path, scale);
    else values(path).fill(0);
  };

  const r = inverseRoot(2 * layers);
  for (let layer = 0; layer < layers; layer++) {
    const [D, HE] = sizes(`block.${layer}.attn.wq`);
    const [, F] = sizes(`block.${layer}.ffn.w1`);
    for (const name of ["wq", "wk", "wv"]) fill(`block.${layer}.attn.${name}`, inverseRoot(D));
    fillOutput(`block.${layer}.attn.wo`, Math.fround(inverseRoot(HE) * r));
    fill(`block.${layer}.ffn.w1`, inverseRoot(F));
    fillOutput(`block.${layer}.ffn.w2`, Math.fround(inverseRoot(D) * r));
    fill(`block.${layer}.ffn.w3`, inverseRoot(F));
  }
  for (const [path, shape] of shapes) if (shape.length === 1) values(path).fill(1);

  const [rows, D] = sizes("embed.weight");
  const picked = pickedRows(vocabulary);
  const row = new Float32Array(D);
  const table = values("embed.weight");
  const fillRow = (at: number): void => {
    random.fillUniform(row, Math.fround(0.02));
    table.set(row, at * D);
  };
  if (picked === null) {
    for (let id = 0; id < rows; id++) fillRow(id);
    return;
  }
  let next = 0;
  for (const { id, row: at } of picked) {
    random.skip((id - next) * D);
    fillRow(at);
    next = id + 1;
  }
}

/** 1/sqrt(n) in single precision throughout. */
function inverseRoot(n: number): number {
  return Math.fround(1 / Math.fround(Math.sqrt(n)));
}

const MATRICES = ["attn.wq", "attn.wk", "attn.wv", "attn.wo", "ffn.w1", "ffn.w2", "ffn.w3"];
const VECTORS = ["attn_norm.weight", "ffn_norm.weight"];

function fail(what: string): never {
  throw new UserError(notLlamaShaped(what));
}

/**
 * The number of layers, if there is nothing but them, an embedding and a last norm. Throws a `UserError` (E0907)
 * otherwise.
 */
export function autoaneLayers(paths: Iterable<string>): number {
  const left = new Set(paths);
  const take = (path: string): void => {
    if (!left.delete(path)) fail(`it has no parameter \`${path}\``);
  };
  take("embed.weight");
  take("norm.weight");
  let layers = 0;
  for (; [...left].some((path) => path.startsWith(`block.${layers}.`)); layers++) {
    for (const name of [...MATRICES, ...VECTORS]) take(`block.${layers}.${name}`);
  }
  const [other] = left;
  if (other !== undefined) fail(`AutoANE has no parameter \`${other}\``);
  if (layers === 0) fail("it has no `block`");
  return layers;
}
