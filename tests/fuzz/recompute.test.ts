/** Values made again for the gradients: the same bits from less memory. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { nodesOf } from "../../compiler/ir/graph.ts";
import { loadModel } from "../../dsl/index.ts";
import { runPasses } from "../../passes/pass.ts";
import { trainPipeline } from "../../passes/pipeline.ts";
import { isAgain } from "../../passes/recompute.ts";
import { trainingPlan } from "../../training/programs.ts";
import { lossGraph } from "../support/random_graph.ts";
import { graphOf, randomModel, valuesOf } from "../support/random_model.ts";
import { runOnCpu } from "../support/run_on_cpu.ts";

test("random graphs and models: every output is the same to the bit", () => {
  const model = randomModel.map(({ source, seed }) => {
    const graph = graphOf(source, "train");
    return { graph, values: valuesOf(graph, seed) };
  });
  fc.assert(
    fc.property(fc.oneof(lossGraph, model), ({ graph, values }) => {
      const [kept, repeated] = [false, true].map((recompute) =>
        runOnCpu(runPasses(graph, trainPipeline({ recompute })).graph, values),
      );
      expect([...repeated!.keys()]).toEqual([...kept!.keys()]);
      for (const [name, { data }] of kept!)
        expect([...repeated!.get(name)!.data], name).toEqual([...data]);
    }),
    { numRuns: 100 },
  );
});

test("SwiGLU, norms and embeddings are made again, products are not", () => {
  const graph = graphOf(loadModel("tiny"), "train");
  const { graph: repeated } = runPasses(graph, trainPipeline({ recompute: true }));
  const again = new Set(
    nodesOf(repeated)
      .filter(isAgain)
      .map((n) => n.op.name),
  );
  expect([...again].sort()).toEqual(["embedding", "mul", "rms_norm", "silu"]);
});

test("the arena of a training step shrinks, the state stays", () => {
  for (const windows of [1, 4]) {
    const graph = graphOf(loadModel("autoresearch"), "train", { V: 64 });
    const [kept, repeated] = [false, true].map((recompute) =>
      trainingPlan(graph, undefined, { batch: windows, recompute }),
    );
    expect(repeated!.plan.stateBytes).toBe(kept!.plan.stateBytes);
    expect(repeated!.plan.scratchBytes).toBeLessThan(0.75 * kept!.plan.scratchBytes);
  }
});
