/** The named fusions: together they are the schemes, each alone keeps results and saves what it says. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../../compiler/autodiff/differentiate.ts";
import { makeBundle } from "../../../compiler/bundle/manifest.ts";
import type { Graph } from "../../../compiler/ir/graph.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { elaborate, loadModel } from "../../../dsl/index.ts";
import { compileAne } from "../../../passes/ane/compile.ts";
import {
  applyFusion,
  baseOf,
  dispatchesSaved,
  explainFusions,
  FUSION_RULES,
  schemeTraffic,
} from "../../../passes/ane/fusions.ts";
import { LAYER, NONE, PAIRS, type Scheme } from "../../../passes/ane/schemes.ts";
import { runPasses } from "../../../passes/pass.ts";
import { pipelines } from "../../../passes/pipeline.ts";
import { worstError } from "../../support/close.ts";
import { graphOf, randomModel, valuesOf } from "../../support/random_model.ts";
import { runBundle } from "../../support/run_bundle.ts";

const optimised = (graph: Graph, { foldsNorms }: Scheme): Graph =>
  runPasses(graph, pipelines[foldsNorms ? "ane_train" : "ane_hybrid"]).graph;

const trainGraph = (name: string): Graph =>
  elaborate(loadModel(name))
    .entries.find((e) => e.kind === "train")!
    .graph();

const sorted = (scheme: Scheme) => ({
  ...scheme,
  name: "",
  doc: "",
  programs: scheme.programs
    .map(({ name, roles }) => `${name}: ${[...roles].sort().join()}`)
    .sort(),
});

function run(graph: Graph, scheme: Scheme, seed: number) {
  const given = optimised(graph, scheme);
  const { programs, surfaces, staging, schedule, outputs, files, hostNodes } = compileAne(given, {
    ...{ scheme, weights: "packed", exact: true },
  });
  const bundle = makeBundle(
    {
      ...{ anec: "0", target: "ane", model: "m", entry: "m", weights: "packed", parameters: [] },
      ...{ programs, surfaces, staging, schedule, outputs, constants: [] },
    },
    files,
  );
  const stats = {
    ...{ programs: 0, dispatches: 0, ops: 0, parameters: 0, surfaces: 0 },
    ...{ surfaceBytes: 0, flops: 0 },
  };
  const values = valuesOf(graph, seed);
  return {
    values,
    found: runBundle({ bundle, hostNodes, graph: given, reports: [], stats }, values),
    dispatches: schedule.filter((s) => s.do === "dispatch").length,
  };
}

test("all of them in order are the schemes", () => {
  const at = (name: string): number => FUSION_RULES.findIndex((r) => r.name === name) + 1;
  const pairs = FUSION_RULES.slice(0, at("fuse_qkv_bwd")).reduce(applyFusion, NONE);
  expect(sorted(pairs)).toEqual(sorted(PAIRS));
  expect(sorted(FUSION_RULES.reduce(applyFusion, NONE))).toEqual(sorted(LAYER));
});

describe.each(FUSION_RULES.map((r) => [r.name, r] as const))("%s alone", (_name, rule) => {
  test("keeps the loss and every gradient, and saves the dispatches it says", () => {
    const base = baseOf(rule);
    const fused = applyFusion(base, rule);
    fc.assert(
      fc.property(randomModel, ({ source, seed }) => {
        const graph = graphOf(source, "train");
        const after = run(graph, fused, seed);
        const expected = interpret(differentiate(graph), after.values);
        for (const [name, found] of after.found) {
          const value = expected.get(name)!;
          expect(worstError({ shape: value.shape, data: found }, value), name).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 5 },
    );
  });
});

test("x", () => {
  for (const name of [])
    for (const { rule, before, after } of explainFusions((s) => optimised(trainGraph(name), s)))
      console.log(name, rule.name, JSON.stringify(before), JSON.stringify(after));
  for (const rule of FUSION_RULES) {
    const base = baseOf(rule);
    const g = trainGraph("tiny");
    console.log(rule.name, dispatchesSaved(rule), base.name, JSON.stringify(schemeTraffic(optimised(g, base), base, "packed")), JSON.stringify(schemeTraffic(optimised(g, applyFusion(base, rule)), applyFusion(base, rule), "packed")));
  }
});
