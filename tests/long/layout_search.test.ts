import { expect, test } from "vitest";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import { elaborate, loadModel } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import { candidatesFor } from "../../passes/ane/candidates.ts";
import { layoutSearch, type Search, searchLayouts } from "../../passes/ane/search.ts";

function graphOf(model: string, overrides: Record<string, number> = {}, kind = "train") {
  const entries = elaborate(loadModel(model), { overrides }).entries;
  return entries.find((e) => e.kind === kind)!.graph();
}

/** Of the fixed schemes that no fact rules out. */
function bestFixed({ candidates }: Search): number {
  const fixed = candidates.filter((c) => c.isFixed && c.verdict !== "illegal");
  return Math.min(...fixed.map((c) => c.ms));
}

const SIZES: readonly (readonly [string, Record<string, number>])[] = [
  ["tiny", {}],
  ["autoresearch", { L: 2 }],
  ["stories110m", { L: 2 }],
  ["qwen3_06b", { L: 2 }],
  ["autoresearch_2048", { L: 2 }],
];

test.each(SIZES)(
  "%s: never predicted slower than the best fixed scheme, on any chip",
  (model, dims) => {
    const search = layoutSearch(graphOf(model, dims), { gradients: true });
    for (const chip of CHIP_NAMES) {
      const found = search(chip);
      expect(found.chosen.verdict).toBe("chosen");
      expect(found.chosen.ms).toBeLessThanOrEqual(bestFixed(found));
    }
  },
);

test("each candidate that is not chosen says why", () => {
  const { chosen, candidates } = searchLayouts(graphOf("tiny"), { chip: "m4", gradients: true });
  expect(candidates.filter((c) => c.verdict === "chosen")).toEqual([chosen]);
  for (const c of candidates) {
    if (c.verdict === "illegal") expect(c.fact).toBeTruthy();
    if (c.verdict === "slower") expect(c.ms).toBeGreaterThanOrEqual(chosen.ms);
    if (c.verdict !== "chosen") expect(c.reason).not.toBe("");
    const sum = Object.values(c.causes).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(c.ms);
  }
  const whole = candidates.filter((c) => c.programs.includes("layer_bwd"));
  expect(whole.length).toBeGreaterThan(0);
  for (const c of whole) expect(c).toMatchObject({ verdict: "illegal", fact: "attention_cycle" });
});

test("the chosen layout compiles to what was weighed", () => {
  const graph = graphOf("tiny");
  for (const chip of ["m1", "m4_pro"] as const) {
    const { chosen } = searchLayouts(graph, { chip, gradients: true });
    const { stats, bundle } = compile(graph, { target: "ane", gradients: true, layout: chosen });
    expect(stats.dispatches).toBe(chosen.dispatches);
    expect(bundle.manifest.weights).toBe(chosen.weights);
  }
});

test("staging counts less the more micro-steps share an update", () => {
  const graph = graphOf("tiny");
  const staging = [1, 10].map((microSteps) => {
    const { candidates } = searchLayouts(graph, { chip: "m4", gradients: true, microSteps });
    return candidates.find((c) => c.name === "layer" && c.weights === "packed")!.causes.staging;
  });
  expect(staging[0]! / staging[1]!).toBeCloseTo(10);
});

test("slices of the last axis are left out on M1 and M2", () => {
  const lastAxis = (chip: "m1_max" | "m2" | "m4") =>
    new Set(candidatesFor(chip, { training: true }).flatMap((c) => c.splitK?.lastAxis ?? []));
  expect([...lastAxis("m1_max")]).toEqual([false]);
  expect([...lastAxis("m2")]).toEqual([false]);
  expect([...lastAxis("m4")]).toEqual([true]);
});

test("candidates have names of their own, and one layout where one is asked for", () => {
  const all = candidatesFor("m4", { training: true });
  const names = all.map((c) => `${c.name} ${c.weights} ${c.splitK?.parts ?? 1}`);
  expect(new Set(names).size).toBe(names.length);
  const packed = candidatesFor("m4", { training: true, weights: "packed" });
  expect(new Set(packed.map((c) => c.weights))).toEqual(new Set(["packed"]));
});

test("a model without gradients has forward parts to choose from", () => {
  const graph = graphOf("tiny", {}, "model");
  const { chosen, candidates } = searchLayouts(graph, { chip: "m4", gradients: false });
  expect(chosen.ms).toBeLessThanOrEqual(bestFixed({ candidates } as Search));
});
