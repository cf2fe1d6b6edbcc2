/** The classifier in tiles: the same loss and gradients, and neither logits nor one-hots. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { differentiate as reference } from "../../../compiler/autodiff/differentiate.ts";
import { compile } from "../../../index.ts";
import { runPasses } from "../../../passes/pass.ts";
import { pipelines } from "../../../passes/pipeline.ts";
import { tileClassifierBy } from "../../../passes/tile_classifier.ts";
import { simplify } from "../../../passes/simplify.ts";
import { worstError } from "../../support/close.ts";
import { runBundle } from "../../support/run_bundle.ts";
import { graphOf, randomModel, valuesOf } from "../../support/random_model.ts";

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
      expect(calls).toHaveLength(Math.ceil(V / tileRows));
      const expected = interpret(reference(graph), values);
      for (const [name, found] of runBundle(made, values)) {
        const value = expected.get(name)!;
        expect(worstError({ shape: value.shape, data: found }, value), name).toBeLessThan(1e-5);
      }
    }),
    { numRuns: 20 },
  );
});
