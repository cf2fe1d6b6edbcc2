/** Corners of the host lowering: values that are several outputs, and outputs that are views. */
import { expect, test } from "vitest";
import { differentiate } from "../../../compiler/autodiff/differentiate.ts";
import { type Graph, makeGraph } from "../../../compiler/ir/graph.ts";
import { newScope } from "../../../compiler/ir/node.ts";
import { dim } from "../../../compiler/ir/types.ts";
import { add } from "../../../compiler/ops/add.ts";
import { input, param } from "../../../compiler/ops/input.ts";
import { matmul } from "../../../compiler/ops/matmul.ts";
import { mul } from "../../../compiler/ops/mul.ts";
import { reduceSum } from "../../../compiler/ops/reduce_sum.ts";
import { reshape } from "../../../compiler/ops/reshape.ts";
import { softmax } from "../../../compiler/ops/softmax.ts";
import { tanh } from "../../../compiler/ops/tanh.ts";
import type { Tensor } from "../../../compiler/ops/tensor.ts";
import { transpose } from "../../../compiler/ops/transpose.ts";
import { interpret } from "../../../compiler/reference/interpret.ts";
import { runPasses } from "../../../passes/pass.ts";
import { pipelines } from "../../../passes/pipeline.ts";
import { worstError } from "../../support/close.ts";
import { runOnCpu } from "../../support/run_on_cpu.ts";
import { randomTensor, seeded } from "../../support/samples.ts";

const [S, D, F] = [dim("S", 3), dim("D", 4), dim("F", 5)];

function randomValues(graph: Graph): Map<string, Tensor> {
  const random = seeded(11);
  return new Map(
    [...graph.inputs, ...graph.params].map((leaf) => [
      leaf.attrs["name"] as string,
      randomTensor(
        leaf.type.shape.map((d) => d.size),
        random,
        [-1, 1],
      ),
    ]),
  );
}

/** Three accumulated runs give three times the gradients, whatever terms they are made of. */
function expectAccumulates(graph: Graph): void {
  const values = randomValues(graph);
  const expected = interpret(differentiate(graph), values);
  const lowered = runPasses(graph, pipelines.train).graph;
  const found = runOnCpu(lowered, values, { accumulate: true, runs: 3 });
  for (const [name, value] of expected) {
    const times = name.startsWith("grad.") ? 3 : 1;
    const scaled = { shape: value.shape, data: value.data.map((x) => x * times) };
    expect(worstError(found.get(name)!, scaled), name).toBeLessThan(1e-5);
  }
}

test("two biases have one and the same gradient", () => {
  const scope = newScope();
  const x = input(scope, "x", { dtype: "f32", shape: [S, D] });
  const b1 = param(scope, "b1", { dtype: "f32", shape: [D] });
  const b2 = param(scope, "b2", { dtype: "f32", shape: [D] });
  const loss = reduceSum(tanh(add(add(x, b1), b2)), { axes: [0, 1] });
  expectAccumulates(
    makeGraph({
      name: "g",
      inputs: [x],
      params: [b1, b2],
      outputs: [{ name: "loss", node: loss }],
      scope,
    }),
  );
});

test("a gradient that is a term of another one", () => {
  const scope = newScope();
  const x = input(scope, "x", { dtype: "f32", shape: [S, D] });
  const w = param(scope, "w", { dtype: "f32", shape: [D, F] });
  const v = param(scope, "v", { dtype: "f32", shape: [D, F] });
  const loss = reduceSum(tanh(matmul(x, add(w, mul(v, 1)))), { axes: [0, 1] });
  const extra = reduceSum(mul(v, v), { axes: [0, 1] });
  expectAccumulates(
    makeGraph({
      name: "g",
      inputs: [x],
      params: [w, v],
      outputs: [{ name: "loss", node: add(loss, extra) }],
      scope,
    }),
  );
});

test("an output that is a view is safe from kernels that work in place", () => {
  const scope = newScope();
  const x = input(scope, "x", { dtype: "f32", shape: [S, D] });
  const w = param(scope, "w", { dtype: "f32", shape: [D, F] });
  const z = matmul(x, w);
  const graph = makeGraph({
    name: "g",
    inputs: [x],
    params: [w],
    outputs: [
      { name: "flipped", node: transpose(z, [1, 0]) },
      { name: "flat", node: reshape(z, [dim(null, 15)]) },
      { name: "p", node: tanh(softmax(z)) },
    ],
    scope,
  });
  const values = randomValues(graph);
  const found = runOnCpu(graph, values);
  for (const [name, value] of interpret(graph, values)) {
    expect(worstError(found.get(name)!, value), name).toBeLessThan(1e-6);
  }
});

test("an input and a parameter may be outputs themselves", () => {
  const scope = newScope();
  const x = input(scope, "x", { dtype: "f32", shape: [S, D] });
  const w = param(scope, "w", { dtype: "f32", shape: [D, F] });
  const outputs = [
    { name: "x", node: x },
    { name: "w", node: transpose(w, [1, 0]) },
  ];
  const graph = makeGraph({ name: "g", inputs: [x], params: [w], outputs, scope });
  const values = randomValues(graph);
  const found = runOnCpu(graph, values);
  for (const [name, value] of interpret(graph, values)) {
    expect(worstError(found.get(name)!, value), name).toBeLessThan(1e-6);
  }
});
