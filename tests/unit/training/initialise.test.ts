/** The values that parameters start with. */
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { elementCount } from "../../../compiler/ir/types.ts";
import { model as build, loadModel } from "../../../dsl/index.ts";
import { initialise } from "../../../training/initialise.ts";
import { initialiseAutoane } from "../../../training/initialise_autoane.ts";
import { readModel, type TrainingModel, withRows } from "../../../training/model.ts";
import { createRandom } from "../../../training/random.ts";
import type { Vocabulary } from "../../../training/vocabulary.ts";
import { errorOf } from "../data/support.ts";
import { SMALL, tiny } from "./support.ts";

function whole(full: number): Vocabulary {
  return { dim: "V", full, size: full, active: null };
}

type Initialise = typeof initialise;

function valuesOf(model: TrainingModel, seed: number, vocabulary: Vocabulary, set: Initialise) {
  const values = new Map<string, Float32Array>();
  for (const p of model.graph.params) {
    values.set(leafName(p), new Float32Array(elementCount(p.type.shape)).fill(Number.NaN));
  }
  set(model.graph, { seed, vocabulary, values: (path) => values.get(path)! });
  return values;
}

const bits = (x: number) =>
  new Uint32Array(Float32Array.of(x).buffer)[0]!.toString(16).padStart(8, "0");

const small = (V: number) => readModel({ source: tiny, overrides: { ...SMALL, V } });

test("AutoANE's first weights of autoresearch, bit for bit", () => {
  // Only the order of draws before them matters, so a small vocabulary will do.
  const model = readModel({ source: loadModel("autoresearch"), overrides: { V: 2 } });
  const wq = valuesOf(model, 42, whole(2), initialiseAutoane).get("block.0.attn.wq")!;
  // AutoANE's Wq[0, 0…3] is our wq[0…3, 0].
  const first = [0, 1, 2, 3].map((i) => bits(wq[i * 512]!));
  expect(first).toEqual(["3cb10e15", "bc63cae7", "bd0ccd5b", "bbe0ee2f"]);
});

test("AutoANE's scales and order of draws", () => {
  const model = small(5);
  const values = valuesOf(model, 7, whole(5), initialiseAutoane);
  const random = createRandom(7);
  const u = () => 2 * random.drand48() - 1;
  const f = Math.fround;
  const root = (n: number) => f(1 / f(Math.sqrt(n)));
  const { D, F, H, E } = SMALL;
  for (const layer of [0, 1]) {
    for (const [name, inputs, outputs, scale] of [
      ["attn.wq", D, H * E, root(D)],
      ["attn.wk", D, E, root(D)],
      ["attn.wv", D, E, root(D)],
      ["attn.wo", H * E, D, f(root(H * E) * root(4))],
      ["ffn.w1", D, F, root(F)],
      ["ffn.w2", F, D, f(root(D) * root(4))],
      ["ffn.w3", D, F, root(F)],
    ] as const) {
      const w = values.get(`block.${layer}.${name}`)!;
      for (let o = 0; o < outputs; o++) {
        for (let i = 0; i < inputs; i++) expect(w[i * outputs + o]).toBe(f(scale * u()));
      }
    }
    expect(values.get(`block.${layer}.attn_norm.weight`)).toEqual(new Float32Array(D).fill(1));
  }
  for (const x of values.get("embed.weight")!) expect(x).toBe(f(f(0.02) * u()));
});

test.each([
  ["the default", initialise],
  ["AutoANE's", initialiseAutoane],
] as const)("%s table of a compacted vocabulary is rows of the whole one", (_name, set) => {
  const { D } = SMALL;
  const active = Int32Array.of(1, 2, 5, 8);
  const full = valuesOf(small(10), 3, whole(10), set);
  const compact = withRows(small(10), "V", 5);
  const picked = valuesOf(compact, 3, { dim: "V", full: 10, size: 5, active }, set);
  const row = (values: Map<string, Float32Array>, i: number) => [
    ...values.get("embed.weight")!.subarray(i * D, (i + 1) * D),
  ];
  for (const [i, id] of active.entries()) expect(row(picked, i)).toEqual(row(full, id));
  expect(row(picked, 4)).toEqual(row(full, 0)); // the spare: the lowest id that is not active
  for (const [path, values] of full) {
    if (path !== "embed.weight") expect(picked.get(path)).toEqual(values);
  }
});

test.each([
  ["the default", initialise],
  ["AutoANE's", initialiseAutoane],
] as const)("%s table takes no time for the rows between", (_name, set) => {
  const { D } = SMALL;
  const full = 2_000_000_000;
  const active = Int32Array.of(0, 1, 1_999_999_999);
  const model = withRows(small(full), "V", 4);
  const table = valuesOf(model, 3, { dim: "V", full, size: 4, active }, set).get("embed.weight")!;
  // The first rows do not depend on how many follow.
  const few = valuesOf(small(10), 3, whole(10), set).get("embed.weight")!;
  expect(table.subarray(0, 2 * D)).toEqual(few.subarray(0, 2 * D));
  expect(table.subarray(3 * D)).toEqual(few.subarray(2 * D, 3 * D));
  expect(table.every(Number.isFinite)).toBe(true);
});

test("a classifier of its own has its columns picked", () => {
  const make = (V: number) =>
    build("m", (b) => {
      const dims = [b.dim("D", 3), b.dim("V", V)];
      b.param("w", dims, { kind: "normal", value: 2 });
      return b.param("head", dims, { kind: "uniform", value: 1 });
    });
  const run = (V: number, vocabulary: Vocabulary) => {
    const values = new Map([
      ["w", new Float32Array(3 * V)],
      ["head", new Float32Array(3 * V)],
    ]);
    initialise(make(V), { seed: 1, vocabulary, values: (path) => values.get(path)! });
    return values;
  };
  const full = run(6, whole(6));
  const active = Int32Array.of(0, 4);
  const picked = run(3, { dim: "V", full: 6, size: 3, active });
  for (const name of ["w", "head"]) {
    const columns = [0, 1, 2].flatMap((d) => [0, 4, 1].map((id) => full.get(name)![d * 6 + id]!));
    expect([...picked.get(name)!]).toEqual(columns);
  }
});

test("every kind of start", () => {
  const graph = build("m", (b) => {
    const n = [b.dim("N", 20000)];
    b.param("ones", n, { kind: "ones" });
    b.param("zeros", n, { kind: "zeros" });
    b.param("constant", n, { kind: "constant", value: 0.25 });
    b.param("uniform", n, { kind: "uniform", value: 0.5 });
    return b.param("normal", n, { kind: "normal", value: 3 });
  });
  const values = new Map(graph.params.map((p) => [leafName(p), new Float32Array(20000)]));
  initialise(graph, { seed: 5, vocabulary: whole(1), values: (path) => values.get(path)! });
  expect(values.get("ones")).toEqual(new Float32Array(20000).fill(1));
  expect(values.get("zeros")).toEqual(new Float32Array(20000));
  expect(values.get("constant")).toEqual(new Float32Array(20000).fill(0.25));
  const moments = (x: Float32Array) => {
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    return { mean, deviation: Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length) };
  };
  expect(Math.max(...values.get("uniform")!.map(Math.abs))).toBeLessThanOrEqual(0.5);
  expect(moments(values.get("uniform")!).deviation).toBeCloseTo(0.5 / Math.sqrt(3), 2);
  expect(Math.abs(moments(values.get("normal")!).mean)).toBeLessThan(0.1);
  expect(moments(values.get("normal")!).deviation / 3).toBeCloseTo(1, 1);
});

test("other models have no AutoANE start", async () => {
  const source = loadModel("qwen3_06b_hf");
  const tinyDims = { ...SMALL, V: 4 };
  const model = readModel({ source, overrides: tinyDims });
  expect(await errorOf(() => valuesOf(model, 1, whole(4), initialiseAutoane))).toBe(
    "E0907 the model is not one that AutoANE can initialise: " +
      "AutoANE has no parameter `block_qk_norm.0.attn_norm.weight`",
  );
});
