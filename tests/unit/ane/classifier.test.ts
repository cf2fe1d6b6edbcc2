/** The classifier in tiles: the same loss and gradients, and neither logits nor one-hots. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { differentiate as reference } from "../../../compiler/autodiff/differentiate.ts";
import { leafName } from "../../../compiler/ir/graph.ts";
import { elementCount, sizesOf } from "../../../compiler/ir/types.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { checkForChip } from "../../../compiler/target/check_chip.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { compile } from "../../../index.ts";
import { runPasses } from "../../../passes/pass.ts";
import { pipelines } from "../../../passes/pipeline.ts";
import { simplify } from "../../../passes/simplify.ts";
import { tileClassifierBy } from "../../../passes/tile_classifier.ts";
import { relativeDistance, worstError } from "../../support/close.ts";
import { graphOf, randomModel, valuesOf } from "../../support/random_model.ts";
import { runBundle } from "../../support/run_bundle.ts";
import { randomTensor, seeded } from "../../support/samples.ts";

test("tiles of any size give the loss and every gradient of the whole", () => {
  fc.assert(
    fc.property(randomModel, fc.integer({ min: 1, max: 10 }), ({ source, seed }, rows) => {
      const graph = graphOf(source, "train");
      const values = valuesOf(graph, seed);
      const { graph: tiled, reports } = runPasses(
        graph,
        [...pipelines.ane_train, tileClassifierBy(rows), simplify],
        {},
      );
      expect(reports.at(-2)!.matches).toBe(1);
      const expected = interpret(reference(graph), values);
      for (const [name, value] of interpret(tiled, values)) {
        expect(worstError(value, expected.get(name)!), name).toBeLessThan(1e-9);
      }
    }),
    { numRuns: 100 },
  );
});

const hasLayers = ({ text }: { readonly text: string }): boolean => text.includes("repeat L");

const CASES = [
  { fusion: "layer", weights: "packed" },
  { fusion: "layer", weights: "params" },
  { fusion: "none", weights: "packed" },
  { fusion: "pairs", weights: "params" },
] as const;

test.each(CASES)("on the engine, fusion $fusion, weights $weights", (options) => {
  fc.assert(
    fc.property(randomModel, fc.integer({ min: 1, max: 10 }), ({ source, seed }, tileRows) => {
      const graph = graphOf(source, "train");
      const values = valuesOf(graph, seed);
      const made = compile(graph, {
        ...{ target: "ane", gradients: true, classifier: "ane", exactTables: true },
        ...{ ...options, tileRows },
      });
      const V = graph.params.find((p) => leafName(p) === "embed.weight")!.type.shape[0]!.size;
      const calls = made.bundle.manifest.schedule.filter(
        (s) => s.do === "dispatch" && s.label.startsWith("classifier."),
      );
      // Without repeated layers the whole model is programs of one label.
      if (hasLayers(source)) expect(calls).toHaveLength(Math.ceil(V / tileRows));
      const expected = interpret(reference(graph), values);
      for (const [name, found] of runBundle(made, values)) {
        const value = expected.get(name)!;
        expect(worstError({ shape: value.shape, data: found }, value), name).toBeLessThan(1e-5);
      }
    }),
    { numRuns: 20 },
  );
});

const trainGraph = (name: string, overrides: Record<string, number> = {}) =>
  elaborate(loadModel(name), { overrides })
    .entries.find((e) => e.kind === "train")!
    .graph();

test("counts: tiles, their bytes, and nothing of the size of logits but e", () => {
  const graph = trainGraph("autoresearch", { V: 16_893 });
  const [host, engine] = (["host", "ane"] as const).map((classifier) =>
    compile(graph, { ...{ target: "ane", gradients: true, classifier } }),
  );
  const [S, D, V] = [128, 512, 16_893];
  const tile = engine!.bundle.manifest.programs.find((p) => p.name === "classifier")!;
  expect([tile.calls, tile.inputs.map((i) => i.shape), tile.outputs.map((o) => o.shape)]).toEqual([
    3,
    [
      [1, D, 1, S],
      [1, V / 3, 1, D],
    ],
    [[1, D + V / 3 + 2, 1, S]],
  ]);
  const difference = (field: "dispatches" | "bytesWritten" | "bytesRead" | "bytesCopied") =>
    engine!.moves!.perMicroStep[field] - host!.moves!.perMicroStep[field];
  expect(difference("dispatches")).toBe(3);
  // x is written once for all tiles.
  expect(difference("bytesWritten")).toBe(2 * S * D);
  expect(difference("bytesRead")).toBe(2 * S * (V + 3 * (D + 2)));
  expect(difference("bytesCopied")).toBe(0);
  const staged = engine!.moves!.perUpdate.bytesStaged - host!.moves!.perUpdate.bytesStaged;
  expect(staged).toBe(2 * V * D);
  const flops = engine!.moves!.perMicroStep.flops - host!.moves!.perMicroStep.flops;
  expect(flops).toBe(4 * S * V * D);
  // No [S, V] product is left to the host, and no cross entropy.
  const wide = engine!.hostNodes!.filter((n) => elementCount(n.type.shape) === S * V);
  expect(wide.map((n) => n.op.name).sort()).toEqual(["join"]);
});

test("the last tile is a program of its own where rows do not come out even", () => {
  const made = compile(trainGraph("tiny", { V: 131 }), {
    ...{ target: "ane", gradients: true, classifier: "ane", tileRows: 40 },
  });
  const tiles = made.bundle.manifest.programs.filter((p) => p.name.startsWith("classifier"));
  expect(tiles.map((p) => [p.name, p.calls])).toEqual([
    ["classifier", 3],
    ["classifier_2", 1],
  ]);
});

test("a loss alone is tiled too, and other losses are left as they are", () => {
  const pass = tileClassifierBy(100);
  const matches = (graph: Parameters<typeof runPasses>[0]): number =>
    runPasses(graph, [...pipelines.ane, pass]).reports.at(-1)!.matches;
  expect(matches(trainGraph("tiny"))).toBe(1);
  const text = `dims S = 4, V = 8
layer f(x: [S, V], t: i32[S]) -> [] {
  return cross_entropy(x, t)
}
`;
  expect(matches(elaborate({ path: "a.ane", text }).entries[0]!.graph())).toBe(0);
});

test("tiles keep the digits of loss and gradient on the engine's numerics", () => {
  const graph = trainGraph("tiny", { L: 1, S: 16, V: 256 });
  const random = seeded(5);
  const values = new Map(valuesOf(graph, 3));
  for (const param of graph.params) {
    const sizes = sizesOf(param.type.shape);
    if (sizes.length === 2) values.set(leafName(param), randomTensor(sizes, random, [-0.05, 0.05]));
  }
  const made = compile(graph, {
    ...{ target: "ane", gradients: true, classifier: "ane", tileRows: 64 },
  });
  const expected = interpret(reference(graph), values);
  const found = runBundle(made, values, "exact");
  // The weight of the last norm sees the gradient that the tiles make, and nothing of the layers.
  for (const name of ["loss", "grad.norm.weight"]) {
    const value = expected.get(name)!;
    const error = relativeDistance({ shape: value.shape, data: found.get(name)! }, value);
    expect(error, name).toBeLessThan(4e-3);
  }
});

test.each(["m1", "m4"] as const)("no fact refuses a tile on %s", (chip) => {
  const made = compile(trainGraph("autoresearch"), {
    ...{ target: "ane", gradients: true, classifier: "ane" },
  });
  const tile = made.bundle.manifest.programs.find((p) => p.name === "classifier")!;
  const text = new TextDecoder().decode(made.bundle.files.get(tile.file)!);
  const found = checkForChip(parseMil({ path: tile.file, text }), { chip });
  expect(found.filter((d) => d.severity === "error")).toEqual([]);
});
