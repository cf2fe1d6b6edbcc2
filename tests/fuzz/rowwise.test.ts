/**
 * One pass over the rows computes what op by op computes: random graphs of elementwise ops and reductions,
 * fused, not fused, and in the reference.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { lowerToHost } from "../../passes/lower_to_host.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { newPlan } from "../../passes/plan_builder.ts";
import { worstError } from "../support/close.ts";
import { lossGraph, rowGraph } from "../support/random_graph.ts";
import { runOnCpu } from "../support/run_on_cpu.ts";

const NEVER = Number.POSITIVE_INFINITY;

test.each([
  ["rows", rowGraph],
  ["any op", lossGraph],
] as const)("loss and gradients of random graphs: %s", (_what, graphs) => {
  let fused = 0;
  fc.assert(
    fc.property(graphs, fc.boolean(), ({ graph, values }, accumulate) => {
      const lowered = runPasses(graph, pipelines.train).graph;
      const expected = interpret(differentiate(graph), values);
      const runs = accumulate ? 3 : 1;
      const run = (leastRow: number) => runOnCpu(lowered, values, { accumulate, runs, leastRow });
      const [apart, together] = [run(NEVER), run(2)];
      for (const [name, value] of expected) {
        const times = accumulate && name.startsWith("grad.") ? runs : 1;
        const scaled = { shape: value.shape, data: value.data.map((x) => x * times) };
        expect(worstError(together.get(name)!, scaled), name).toBeLessThan(2e-5);
        expect(worstError(together.get(name)!, apart.get(name)!), name).toBeLessThan(2e-5);
      }
      const plan = newPlan();
      lowerToHost(plan, { name: "run", graph: lowered, leastRow: 2 });
      if (plan.programs[0]!.commands.some((c) => c.kernel === "rowwise")) fused += 1;
    }),
    { numRuns: 150 },
  );
  expect(fused).toBeGreaterThan(40);
});

test("one thread, two and three give the same bits", () => {
  fc.assert(
    fc.property(rowGraph, ({ graph, values }) => {
      const lowered = runPasses(graph, pipelines.train).graph;
      const [one, ...others] = [1, 2, 3].map((threads) =>
        runOnCpu(lowered, values, { threads, blas: "builtin", leastRow: 2 }),
      );
      for (const [name, value] of one!)
        for (const other of others) expect(other.get(name)!.data, name).toEqual(value.data);
    }),
    { numRuns: 40 },
  );
});
