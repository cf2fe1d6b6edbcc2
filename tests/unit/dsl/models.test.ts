import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { parseGraph } from "../../../compiler/ir/parse.ts";
import { printGraph } from "../../../compiler/ir/print.ts";
import { elementCount } from "../../../compiler/ir/types.ts";
import { verifyGraph } from "../../../compiler/ir/verify.ts";
import { opRegistry } from "../../../compiler/ops/index.ts";
import { check, type Entry, elaborate, format, loadModel, modelNames } from "../../../dsl/index.ts";

function entryOf(name: string, kind: Entry["kind"]): Entry {
  return elaborate(loadModel(name)).entries.find((e) => e.kind === kind)!;
}

const countOf = (entry: Entry): number =>
  entry.graph().params.reduce((n, p) => n + elementCount(p.type.shape), 0);

test.each([
  ["tiny", 125_248],
  ["autoresearch", 36_442_624],
  ["autoresearch_1536", 176_961_024],
  ["autoresearch_2048", 281_036_800],
  ["stories110m", 109_529_856],
  ["smollm2_135m", 134_515_008],
  ["smollm2_360m", 361_821_120],
  ["qwen3_06b", 596_042_752],
  ["qwen3_06b_compact", 459_420_672],
  // That of qwen3_06b and two norms of 128 elements in each of 28 layers.
  ["qwen3_06b_hf", 596_042_752 + 28 * 2 * 128],
  ["nl6_s512", 67_643_136],
  ["d768_l6_s512", 67_053_312],
])("%s has %i parameters", (name, count) => {
  expect(countOf(entryOf(name, "train"))).toBe(count);
});

test.each(modelNames())("%s is checked, whole, and in canonical layout", (name) => {
  const source = loadModel(name);
  expect(check(source)).toEqual([]);
  expect(format(source.text)).toBe(source.text);
  const graph = entryOf(name, "train").graph();
  expect(verifyGraph(graph)).toEqual([]);
  expect(graph.outputs.map((o) => o.name)).toEqual(["loss"]);
  const text = printGraph(graph);
  expect(printGraph(parseGraph({ path: name, text }, opRegistry))).toBe(text);
});

test.each(modelNames())("%s has the same parameters as a model and in training", (name) => {
  const names = (kind: Entry["kind"]) => entryOf(name, kind).graph().params.map(leafName);
  expect(names("model")).toEqual(names("train"));
});

test("parameters are named after the calls that own them", () => {
  expect(entryOf("tiny", "train").graph().params.map(leafName).slice(0, 11)).toEqual([
    "embed.weight",
    "block.0.attn_norm.weight",
    "block.0.attn.wq",
    "block.0.attn.wk",
    "block.0.attn.wv",
    "block.0.attn.wo",
    "block.0.ffn_norm.weight",
    "block.0.ffn.w1",
    "block.0.ffn.w3",
    "block.0.ffn.w2",
    "block.1.attn_norm.weight",
  ]);
});

test("hyper-parameters travel into the graph", () => {
  const attributes = (name: string) => {
    const text = printGraph(entryOf(name, "model").graph());
    return [/theta: [^},]+/.exec(text)?.[0], /eps: [^},]+/.exec(text)?.[0]];
  };
  expect(attributes("tiny")).toEqual(["theta: 10000", "eps: 0.00001"]);
  expect(attributes("smollm2_135m")).toEqual(["theta: 100000", "eps: 0.00001"]);
  expect(attributes("qwen3_06b_hf")).toEqual(["theta: 1000000", "eps: 0.000001"]);
});

test("the residual scale is 1/sqrt(2·L) unless a model sets it", () => {
  expect(elaborate(loadModel("autoresearch")).hyper.get("residual_scale")).toBe(1 / Math.sqrt(8));
  expect(elaborate(loadModel("smollm2_360m")).hyper.get("residual_scale")).toBe(1);
  const none = elaborate({ path: "x.ane", text: "dims S = 1" });
  expect(none.hyper.get("residual_scale")).toBe(1);
});

test("overrides reach what is computed from them", () => {
  const text = "dims D = 512, H = 8, E = D / H, L = 4";
  const { dims, hyper } = elaborate(
    { path: "x.ane", text },
    { overrides: { D: 256, L: 2, norm_eps: 1e-6 } },
  );
  expect(dims.get("E")).toBe(32);
  expect(hyper.get("residual_scale")).toBe(0.5);
  expect(hyper.get("norm_eps")).toBe(1e-6);
});

test("the sample of the language page is accepted as it stands", () => {
  const text = readFileSync("tests/cases/language/sample.ane", "utf8");
  const source = { path: "sample.ane", text };
  expect(check(source)).toEqual([]);
  const { entries } = elaborate(source);
  expect(entries.map((e) => `${e.kind} ${e.name}`)).toEqual([
    "layer attention",
    "layer block",
    "model llama",
    "train llama",
  ]);
  expect(countOf(entries[3]!)).toBe(36_442_624);
});

test("a model is found by name or by path, or named with what there is", () => {
  expect(loadModel("tiny").path).toBe("dsl/models/tiny.ane");
  expect(loadModel("dsl/models/tiny.ane").text).toBe(loadModel("tiny").text);
  expect(() => loadModel("autoreserch")).toThrow("E0216");
  expect(() => loadModel("missing.ane")).toThrow("there is no file `missing.ane`");
});

test("a graph is built once, and each node knows where it came from", () => {
  const entry = entryOf("tiny", "train");
  const graph = entry.graph();
  expect(entry.graph()).toBe(graph);
  const origins = [...graph.scope.interned.values()].map((n) => graph.scope.origins.get(n));
  expect(origins.some((o) => o?.path === "block.1.attn" && o.span !== undefined)).toBe(true);
});
