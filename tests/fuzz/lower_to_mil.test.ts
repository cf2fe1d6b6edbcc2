/** The MIL a graph is lowered to computes what the graph means, forward and backward. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { nodesOf } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { compile } from "../../index.ts";
import { worstError } from "../support/close.ts";
import { lossGraph } from "../support/random_graph.ts";
import { runBundle } from "../support/run_bundle.ts";

test.each([false, true])("interpreted MIL equals the reference (gradients: %s)", (gradients) => {
  fc.assert(
    fc.property(lossGraph, ({ graph, values }) => {
      const made = compile(graph, { target: "ane", gradients });
      const expected = interpret(gradients ? differentiate(graph) : graph, values);
      const found = runBundle(made, values);
      // Rotary angles and masks are tables in fp16, which is all that separates the two.
      const hasTables = nodesOf(graph).some(
        (n) => n.op.name === "rope" || n.op.name === "causal_mask",
      );
      const tolerance = hasTables ? 2e-2 : 1e-9;
      expect([...found.keys()]).toEqual([...expected.keys()]);
      for (const [name, value] of expected) {
        const error = worstError({ shape: value.shape, data: found.get(name)! }, value);
        expect(error, name).toBeLessThan(tolerance);
      }
    }),
    { numRuns: 120 },
  );
});
