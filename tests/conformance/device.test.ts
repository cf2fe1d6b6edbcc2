/** The `cpu` device computes what the reference interpreter says: every op, and random graphs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import { ops } from "../../compiler/ops/index.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { decomposeForHost, hasHostKernel } from "../../passes/decompose.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { peakOfLives, placeByLife } from "../../passes/plan_memory.ts";
import { worstError } from "../support/close.ts";
import { lossGraph } from "../support/random_graph.ts";
import { runOnCpu } from "../support/run_on_cpu.ts";
import { sampleGraph, seeded } from "../support/samples.ts";

const LEAVES = new Set(["input", "param"]);

describe.each(ops.filter((op) => !LEAVES.has(op.name)).map((op) => [op.name, op] as const))(
  "%s",
  (_name, op) => {
    test("agrees with the reference", () => {
      for (const [i, sample] of op.samples.entries()) {
        const { graph, values } = sampleGraph(op, sample, seeded(50 + i));
        const lowered = runPasses(graph, [decomposeForHost]).graph;
        const expected = interpret(graph, values).get("y")!;
        const found = runOnCpu(lowered, values).get("y")!;
        expect(found.shape).toEqual(sizesOf(graph.outputs[0]!.node.type.shape));
        expect(worstError(found, expected)).toBeLessThan(2e-6);
      }
    });

    test("has a kernel of its own or a decomposition into ops that have one", () => {
      const isConstant = op.operands.length === 0;
      expect(
        isConstant || hasHostKernel(op) || op.decompose !== undefined || op.host !== undefined,
      ).toBe(true);
    });
  },
);

describe("random graphs", () => {
  test("loss and gradients agree with the reference, accumulated or not", () => {
    fc.assert(
      fc.property(lossGraph, fc.boolean(), ({ graph, values }, accumulate) => {
        const lowered = runPasses(graph, pipelines.train).graph;
        const expected = interpret(differentiate(graph), values);
        const runs = accumulate ? 3 : 1;
        const found = runOnCpu(lowered, values, { accumulate, runs });
        for (const [name, value] of expected) {
          const times = accumulate && name.startsWith("grad.") ? runs : 1;
          const scaled = { shape: value.shape, data: value.data.map((x) => x * times) };
          expect(worstError(found.get(name)!, scaled), name).toBeLessThan(2e-5);
        }
      }),
      { numRuns: 250 },
    );
  });

  test("one thread and two give the same bits", () => {
    fc.assert(
      fc.property(lossGraph, ({ graph, values }) => {
        const lowered = runPasses(graph, pipelines.train).graph;
        const [one, two] = [1, 2].map((threads) =>
          runOnCpu(lowered, values, { threads, blas: "builtin" }),
        );
        for (const [name, value] of one!) expect(two!.get(name)!.data).toEqual(value.data);
      }),
      { numRuns: 40 },
    );
  });
});

test("storages alive together do not overlap, and the arena is near the peak of live bytes", () => {
  const life = fc
    .tuple(fc.nat(40), fc.nat(10), fc.integer({ min: 1, max: 64 }))
    .map(([first, length, blocks]) => ({ first, last: first + length, bytes: blocks * 64 }));
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 40 }), (given) => {
      const lives = given.map((l, id) => ({ id, ...l }));
      const { offsets, total } = placeByLife(lives);
      for (const a of lives) {
        expect(offsets.get(a.id)! % 64).toBe(0);
        expect(offsets.get(a.id)! + a.bytes).toBeLessThanOrEqual(total);
        for (const b of lives) {
          if (a.id >= b.id || a.last < b.first || b.last < a.first) continue;
          const [x, y] = [offsets.get(a.id)!, offsets.get(b.id)!];
          expect(x + a.bytes <= y || y + b.bytes <= x).toBe(true);
        }
      }
      expect(total).toBeLessThanOrEqual(2 * peakOfLives(lives));
    }),
    { numRuns: 300 },
  );
});
