/** The named fusions: together they are the schemes, each alone keeps results and saves what it says. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../../compiler/autodiff/differentiate.ts";
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
import { bundleOf, runBundle } from "../../support/run_bundle.ts";

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
  programs: scheme.programs.map(({ name, roles }) => `${name}: ${[...roles].sort().join()}`).sort(),
});

function run(graph: Graph, scheme: Scheme, seed: number) {
  const given = optimised(graph, scheme);
  const made = compileAne(given, { ...{ scheme, weights: "packed", exact: true } });
  const values = valuesOf(graph, seed);
  return {
    values,
    found: runBundle(bundleOf(made, given), values),
    dispatches: made.schedule.filter((s) => s.do === "dispatch").length,
  };
}

test("all of them in order are the schemes", () => {
  const at = (name: string): number => FUSION_RULES.findIndex((r) => r.name === name) + 1;
  const pairs = FUSION_RULES.slice(0, at("fuse_qkv_bwd")).reduce(applyFusion, NONE);
  expect(sorted(pairs)).toEqual(sorted(PAIRS));
  expect(sorted(FUSION_RULES.reduce(applyFusion, NONE))).toEqual(sorted(LAYER));
});

describe.each(FUSION_RULES.map((r) => [r.name, r] as const))("%s alone", (_name, rule) => {
  const base = baseOf(rule);
  const fused = applyFusion(base, rule);

  test("keeps the loss and every gradient", () => {
    fc.assert(
      fc.property(randomModel, ({ source, seed }) => {
        const graph = graphOf(source, "train");
        const { values, found } = run(graph, fused, seed);
        const expected = interpret(differentiate(graph), values);
        expect([...found.keys()]).toEqual([...expected.keys()]);
        for (const [name, value] of expected) {
          const result = { shape: value.shape, data: found.get(name)! };
          expect(worstError(result, value), name).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 5 },
    );
  });

  test("saves the dispatches that it says", () => {
    const graph = trainGraph("tiny");
    const [before, after] = [base, fused].map((scheme) =>
      schemeTraffic(optimised(graph, scheme), scheme, "packed"),
    );
    expect(before!.dispatches - after!.dispatches).toBe(2 * dispatchesSaved(rule));
  });
});

const STEPS = explainFusions((scheme) => optimised(trainGraph("autoresearch"), scheme));

test("what all of them save is the difference between the schemes", () => {
  const of = (name: string) => STEPS.find((s) => s.rule.name === name)!;
  expect(STEPS[0]!.before).toEqual({
    dispatches: 40,
    bytesWritten: 9_961_472,
    bytesRead: 11_796_480,
    bytesCopied: 2_097_152,
    bytesStaged: 45_088_768,
  });
  expect(of("fuse_qkv_bwd").after.dispatches).toBe(32);
  expect(STEPS.at(-1)!.after).toMatchObject({
    dispatches: 12,
    bytesCopied: 0,
    bytesStaged: 22_544_384,
  });
  const saved = STEPS.reduce((n, { rule }) => n + dispatchesSaved(rule), 0);
  expect(4 * saved).toBe(40 - 12);
});

test.each([
  // x and the output product's rows stay in the program: Q·S written less in each layer.
  ["fuse_sdpa_wo", { bytesWritten: 4 * 2 * 512 * 128 }],
  // One sum instead of two gradients of the norm.
  ["fuse_qkv_bwd", { bytesRead: 4 * 2 * 512 * 128 }],
  // Probabilities and their gradients, [8, 128, 128] each.
  ["recompute_scores", { bytesCopied: 4 * 2 * 2 * 8 * 128 * 128 }],
  // The second copy of every weight.
  ["chain_surfaces", { bytesStaged: 22_544_384 }],
] as const)("%s saves %o", (name, saving) => {
  const { before, after } = STEPS.find((s) => s.rule.name === name)!;
  for (const [field, bytes] of Object.entries(saving)) {
    const key = field as keyof typeof before;
    expect(before[key] - after[key]).toBe(bytes);
  }
});

test("a graph is planned alike whatever it was planned as before", () => {
  const graph = trainGraph("tiny");
  const traffic = (scheme: Scheme, given: Graph) =>
    schemeTraffic(optimised(given, scheme), scheme, "packed");
  for (const scheme of [NONE, LAYER, PAIRS, NONE]) {
    expect(traffic(scheme, graph)).toEqual(traffic(scheme, trainGraph("tiny")));
  }
});
