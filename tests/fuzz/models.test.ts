/** Random models: gradients, passes, both targets and decoding agree with the reference. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { leafName, nodesOf } from "../../compiler/ir/graph.ts";
import { parseGraph } from "../../compiler/ir/parse.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { opRegistry } from "../../compiler/ops/index.ts";
import { tensor } from "../../compiler/ops/tensor.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { compile } from "../../index.ts";
import { deriveDecode } from "../../passes/derive_decode.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { worstError } from "../support/close.ts";
import { graphOf, randomModel, slopes, valuesOf } from "../support/random_model.ts";
import { runBundle } from "../support/run_bundle.ts";
import { runOnCpu } from "../support/run_on_cpu.ts";

test("print and parse back", () => {
  fc.assert(
    fc.property(randomModel, ({ source }) => {
      const text = printGraph(differentiate(graphOf(source, "train")));
      expect(printGraph(parseGraph({ path: "m.ir", text }, opRegistry))).toBe(text);
    }),
    { numRuns: 60 },
  );
});

test("gradients agree with finite differences along a random direction", () => {
  fc.assert(
    fc.property(randomModel, ({ source, seed }) => {
      const graph = graphOf(source, "train");
      const values = valuesOf(graph, seed);
      const { byDifferences, byGradients } = slopes(graph, values, seed + 1);
      expect(Math.abs(byGradients - byDifferences)).toBeLessThan(
        1e-6 * (1 + Math.abs(byDifferences)),
      );
    }),
    { numRuns: 100 },
  );
});

test("the passes find attention, and the cpu device computes loss and gradients", () => {
  fc.assert(
    fc.property(randomModel, ({ source, seed }) => {
      const graph = graphOf(source, "train");
      const values = valuesOf(graph, seed);
      const passed = runPasses(graph, pipelines.train).graph;
      const ops = nodesOf(passed).map((n) => n.op.name);
      expect(ops.includes("attention")).toBe(true);
      expect(ops.includes("softmax")).toBe(false);
      const expected = interpret(differentiate(graph), values);
      for (const [name, value] of runOnCpu(passed, values)) {
        expect(worstError(value, expected.get(name)!), name).toBeLessThan(1e-4);
      }
    }),
    { numRuns: 100 },
  );
});

test.each([false, true])(
  "the MIL of both directions computes the same (gradients: %s)",
  (gradients) => {
    fc.assert(
      fc.property(randomModel, ({ source, seed }) => {
        const graph = graphOf(source, "train");
        const values = valuesOf(graph, seed);
        const made = compile(graph, { target: "ane", gradients });
        const expected = interpret(gradients ? differentiate(graph) : graph, values);
        for (const [name, found] of runBundle(made, values)) {
          // Rotary angles are tables in fp16: that is the whole difference.
          expect(
            worstError({ shape: [], data: found }, { ...expected.get(name)!, shape: [] }),
            name,
          ).toBeLessThan(1e-2);
        }
      }),
      { numRuns: 30 },
    );
  },
);

test("decoding token by token gives the logits of the whole model", () => {
  fc.assert(
    fc.property(randomModel, fc.integer({ min: 1, max: 3 }), ({ source, seed }, tokens) => {
      const graph = runPasses(graphOf(source, "model"), pipelines.infer).graph;
      const values = valuesOf(graph, seed);
      const expected = interpret(graph, values).get("out")!;
      const [S, V] = expected.shape as [number, number];
      const decode = deriveDecode(graph, { tokens, context: S + 2 });
      if ("refused" in decode) throw new Error(decode.refused);
      const state = new Map(values);
      for (const leaf of decode.graph.inputs) {
        if (!leafName(leaf).startsWith("cache.")) continue;
        const shape = leaf.type.shape.map((d) => d.size);
        state.set(
          leafName(leaf),
          tensor(shape, new Float64Array(shape.reduce((a, b) => a * b, 1))),
        );
      }
      const ids = values.get("tokens")!.data;
      for (let at = 0; at + tokens <= S; at += tokens) {
        state.set("tokens", tensor([tokens], ids.slice(at, at + tokens)));
        state.set("position", tensor([], [at]));
        const results = interpret(decode.graph, state);
        const rows = tensor([tokens, V], expected.data.slice(at * V, (at + tokens) * V));
        expect(worstError(results.get("out")!, rows)).toBeLessThan(1e-9);
        expect(worstError(runOnCpu(decode.graph, state).get("out")!, rows)).toBeLessThan(1e-4);
        for (const [name, value] of results) if (name.startsWith("cache.")) state.set(name, value);
      }
    }),
    { numRuns: 60 },
  );
});
