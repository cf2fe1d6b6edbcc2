/** Several windows at once: the losses of each, and the sum of their gradients. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { type Graph, leafName, makeGraph, nodesOf } from "../../compiler/ir/graph.ts";
import { newScope } from "../../compiler/ir/node.ts";
import { dim, sizesOf } from "../../compiler/ir/types.ts";
import { input, param } from "../../compiler/ops/input.ts";
import { matmul } from "../../compiler/ops/matmul.ts";
import { reduceSum } from "../../compiler/ops/reduce_sum.ts";
import { rmsNorm } from "../../compiler/ops/rms_norm.ts";
import { countOf, type Tensor, tensor } from "../../compiler/ops/tensor.ts";
import { interpret, type Values } from "../../compiler/reference/interpret.ts";
import { LOSSES } from "../../passes/batch.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines, trainPipeline } from "../../passes/pipeline.ts";
import { worstError } from "../support/close.ts";
import { lossGraph } from "../support/random_graph.ts";
import { graphOf, randomModel, valuesOf } from "../support/random_model.ts";
import { runOnCpu } from "../support/run_on_cpu.ts";
import { randomTensor, seeded } from "../support/samples.ts";

/** Values of several windows: the same parameters, other inputs. */
function windowsOf(graph: Graph, values: Values, count: number, seed: number): Values[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, window) => {
    const other = new Map(values);
    for (const x of window === 0 ? [] : graph.inputs) {
      const name = leafName(x);
      const data = values.get(name)!.data;
      const drawn =
        x.type.dtype === "i32"
          ? tensor(
              sizesOf(x.type.shape),
              data.map(() => data[Math.floor(random() * data.length)]!),
            )
          : randomTensor(sizesOf(x.type.shape), random, [-1, 1]);
      other.set(name, drawn);
    }
    return other;
  });
}

function stacked(graph: Graph, windows: readonly Values[]): Map<string, Tensor> {
  const values = new Map(windows[0]);
  for (const x of graph.inputs) {
    const name = leafName(x);
    const shape = [windows.length, ...sizesOf(x.type.shape)];
    const data = new Float64Array(countOf(shape));
    for (const [i, window] of windows.entries())
      data.set(window.get(name)!.data, (i * data.length) / windows.length);
    values.set(name, tensor(shape, data));
  }
  return values;
}

/** Losses in order, and the sums of the gradients. */
function oneByOne(results: readonly ReadonlyMap<string, Tensor>[]) {
  const sums = new Map<string, Tensor>();
  for (const [name, { shape, data }] of results[0]!) {
    const sum = data.map((_, i) => results.reduce((s, r) => s + r.get(name)!.data[i]!, 0));
    sums.set(name, { shape, data: sum });
  }
  sums.set(
    LOSSES,
    tensor(
      [results.length],
      results.map((r) => r.get("loss")!.data[0]!),
    ),
  );
  return sums;
}

function agree(
  found: ReadonlyMap<string, Tensor>,
  expected: ReadonlyMap<string, Tensor>,
  bound: number,
) {
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, value] of found)
    expect(worstError(value, expected.get(name)!), name).toBeLessThan(bound);
}

const count = fc.integer({ min: 2, max: 5 });

describe("windows of one batch", () => {
  test("random graphs: losses and sums of gradients as one by one, in float64", () => {
    fc.assert(
      fc.property(lossGraph, count, fc.nat(), ({ graph, values }, n, seed) => {
        const windows = windowsOf(graph, values, n, seed);
        const single = differentiate(graph);
        const expected = oneByOne(windows.map((w) => interpret(single, w)));
        const batched = runPasses(graph, trainPipeline({ windows: n })).graph;
        agree(interpret(batched, stacked(graph, windows)), expected, 1e-12);
      }),
      { numRuns: 150 },
    );
  });

  test("random models: the same", () => {
    fc.assert(
      fc.property(randomModel, count, ({ source, seed }, n) => {
        const graph = graphOf(source, "train");
        const windows = windowsOf(graph, valuesOf(graph, seed), n, seed);
        const single = differentiate(graph);
        const expected = oneByOne(windows.map((w) => interpret(single, w)));
        const batched = runPasses(graph, trainPipeline({ windows: n })).graph;
        agree(interpret(batched, stacked(graph, windows)), expected, 1e-12);
      }),
      { numRuns: 60 },
    );
  });

  test("random models on the cpu: within the rounding of fp32 sums", () => {
    fc.assert(
      fc.property(randomModel, count, ({ source, seed }, n) => {
        const graph = graphOf(source, "train");
        const windows = windowsOf(graph, valuesOf(graph, seed), n, seed);
        const single = runPasses(graph, pipelines.train).graph;
        const expected = oneByOne(windows.map((w) => runOnCpu(single, w)));
        const batched = runPasses(graph, trainPipeline({ windows: n })).graph;
        agree(runOnCpu(batched, stacked(graph, windows), { accumulate: true }), expected, 2e-5);
      }),
      { numRuns: 60 },
    );
  });

  test("an op without a rule is computed window by window", () => {
    const scope = newScope();
    const [S, D] = [dim("S", 3), dim("D", 4)];
    const x = input(scope, "x", { dtype: "f32", shape: [S, D] });
    const w = param(scope, "w", { dtype: "f32", shape: [D, D] });
    // The weight of the norm depends on the window.
    const y = rmsNorm(matmul(x, w), reduceSum(x, { axes: [0] }), { eps: 0.1 });
    const graph = makeGraph({
      ...{ name: "g", inputs: [x], params: [w], scope },
      outputs: [{ name: "loss", node: reduceSum(y, { axes: [0, 1] }) }],
    });
    const random = seeded(5);
    const values = new Map([
      ["x", randomTensor([3, 4], random, [-1, 1])],
      ["w", randomTensor([4, 4], random, [-1, 1])],
    ]);
    const windows = windowsOf(graph, values, 3, 6);
    const expected = oneByOne(windows.map((v) => interpret(differentiate(graph), v)));
    const batched = runPasses(graph, trainPipeline({ windows: 3 })).graph;
    expect(nodesOf(batched).map((n) => n.op.name)).toContain("join");
    agree(interpret(batched, stacked(graph, windows)), expected, 1e-12);
    agree(runOnCpu(batched, stacked(graph, windows), { accumulate: true }), expected, 2e-5);
  });

  test("no op of a model needs one window after the other", () => {
    fc.assert(
      fc.property(randomModel, count, ({ source }, n) => {
        const { graph } = runPasses(graphOf(source, "train"), trainPipeline({ windows: n }));
        expect(nodesOf(graph).map((x) => x.op.name)).not.toContain("join");
      }),
      { numRuns: 60 },
    );
  });
});
