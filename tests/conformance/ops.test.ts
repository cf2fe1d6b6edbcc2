/** Every registered op: shape rule, meaning, gradient, decomposition, printing and parsing back. */
import { describe, expect, test } from "vitest";
import { gradientsOf } from "../../compiler/autodiff/differentiate.ts";
import { nodesOf } from "../../compiler/ir/graph.ts";
import { parseGraph } from "../../compiler/ir/parse.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { verifyGraph } from "../../compiler/ir/verify.ts";
import { opRegistry, ops } from "../../compiler/ops/index.ts";
import { input } from "../../compiler/ops/input.ts";
import { mul } from "../../compiler/ops/mul.ts";
import { reduceSum } from "../../compiler/ops/reduce_sum.ts";
import { tensor } from "../../compiler/ops/tensor.ts";
import { evaluateNodes, interpret } from "../../compiler/reference/interpret.ts";
import { randomTensor, sampleGraph, seeded } from "../support/samples.ts";

const LEAVES = new Set(["input", "param"]);
const withSamples = ops.filter((op) => !LEAVES.has(op.name));

test("op names are unique and every op documents itself", () => {
  expect(new Set(ops.map((op) => op.name)).size).toBe(ops.length);
  for (const op of ops) expect(op.doc.length, op.name).toBeGreaterThan(3);
});

test("every op but the leaves declares samples", () => {
  expect(withSamples.filter((op) => op.samples.length === 0).map((op) => op.name)).toEqual([]);
});

describe.each(withSamples.map((op) => [op.name, op] as const))("%s", (name, op) => {
  const graphs = op.samples.map((sample, i) => sampleGraph(op, sample, seeded(1000 + i)));

  test("its value has the shape of its type, and is finite or −∞", () => {
    for (const { graph, values } of graphs) {
      const y = interpret(graph, values).get("y")!;
      expect(y.shape).toEqual(sizesOf(graph.outputs[0]!.node.type.shape));
      expect(y.data.every((v) => !Number.isNaN(v))).toBe(true);
    }
  });

  test("prints and parses back to the same text", () => {
    for (const { graph } of graphs) {
      const text = printGraph(graph);
      const again = parseGraph({ path: "g.ir", text }, opRegistry);
      expect(printGraph(again)).toBe(text);
      expect(verifyGraph(again)).toEqual([]);
    }
  });

  test("its gradient agrees with finite differences", () => {
    if (op.vjp === undefined) return;
    for (const [i, { graph, values }] of graphs.entries()) {
      const random = seeded(7 + i);
      const y = graph.outputs[0]!.node;
      // A random weighting makes the result a scalar: every element of dy is exercised.
      const weights = input(graph.scope, "weights", y.type);
      const product = mul(y, weights);
      const axes = y.type.shape.map((_, axis) => axis);
      const loss = axes.length === 0 ? product : reduceSum(product, { axes });
      const all = new Map(values).set(
        "weights",
        randomTensor(sizesOf(y.type.shape), random, [-1, 1]),
      );
      const wrt = graph.inputs.filter((x) => x.type.dtype !== "i32");
      const gradients = evaluateNodes(gradientsOf(loss, wrt), all);
      for (const [k, x] of wrt.entries()) {
        const xName = x.attrs["name"] as string;
        const value = all.get(xName)!;
        for (const at of value.data.keys()) {
          const h = 1e-5;
          const nudged = (step: number) => {
            const data = value.data.slice();
            data[at] = data[at]! + step;
            const [f] = evaluateNodes([loss], new Map(all).set(xName, tensor(value.shape, data)));
            return f!.data[0]!;
          };
          const expected = (nudged(h) - nudged(-h)) / (2 * h);
          const scale = 1 + Math.abs(expected);
          expect(
            Math.abs(gradients[k]!.data[at]! - expected) / scale,
            `${name} d${xName}[${at}]`,
          ).toBeLessThan(2e-7);
        }
      }
    }
  });

  test("its decomposition has the same value and no composite op of its own kind", () => {
    if (op.decompose === undefined) return;
    for (const { graph, values } of graphs) {
      const node = graph.outputs[0]!.node;
      const parts = op.decompose(node);
      expect(
        nodesOf({ ...graph, outputs: [{ name: "y", node: parts }] }).some((n) => n.op === op),
      ).toBe(false);
      const [whole, made] = evaluateNodes([node, parts], values);
      for (const at of whole!.data.keys()) {
        expect(Math.abs(whole!.data[at]! - made!.data[at]!)).toBeLessThan(
          1e-10 * (1 + Math.abs(whole!.data[at]!)),
        );
      }
    }
  });

  test("counts no negative number of operations", () => {
    for (const { graph } of graphs) {
      const node = graph.outputs[0]!.node;
      const flops = op.flops(
        node.inputs.map((x) => x.type),
        node.type,
        node.attrs,
      );
      expect(flops).toBeGreaterThanOrEqual(0);
    }
  });
});
