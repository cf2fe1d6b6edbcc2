/**
 * One pass over the rows computes what op by op computes: random graphs of elementwise ops and reductions,
 * fused, not fused, and in the reference.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { ROW_REDUCTION } from "../../compiler/bundle/opcodes.ts";
import type { Graph } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { lowerToHost } from "../../passes/lower_to_host.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { newPlan } from "../../passes/plan_builder.ts";
import { worstError } from "../support/close.ts";
import { elementGraph, lossGraph, rowGraph } from "../support/random_graph.ts";
import { graphOf, valuesOf } from "../support/random_model.ts";
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

/** What `rowwise` is called for in the plan of `graph`, as opcodes. */
function rowPrograms(graph: Graph): number[][] {
  const plan = newPlan();
  lowerToHost(plan, { name: "run", graph, leastRow: 2 });
  return plan.programs[0]!.commands.flatMap((c) =>
    c.kernel === "rowwise" ? [opcodesOf(c.ints)] : [],
  );
}

/** [rank, shape…, n, inputs, strides…, outputs, (strides…, kind, write, register)…, instructions, (opcode, a, b)…] */
function opcodesOf(ints: readonly number[]): number[] {
  const rank = ints[0]!;
  const inputs = ints[rank + 2]!;
  const outputsAt = rank + 3 + inputs * (rank + 1);
  const code = ints.slice(outputsAt + 2 + ints[outputsAt]! * (rank + 4));
  return code.filter((_, i) => i % 3 === 0);
}

test("elementwise values of which several are read elsewhere", () => {
  let fused = 0;
  fc.assert(
    fc.property(elementGraph, ({ graph, values }) => {
      const expected = interpret(graph, values);
      const [apart, together] = [NEVER, 2].map((leastRow) => runOnCpu(graph, values, { leastRow }));
      for (const [name, value] of expected) {
        expect(worstError(together!.get(name)!, value), name).toBeLessThan(2e-5);
        expect(worstError(apart!.get(name)!, value), name).toBeLessThan(2e-5);
      }
      const programs = rowPrograms(graph);
      expect(programs.flat().every((opcode) => opcode < ROW_REDUCTION)).toBe(true);
      if (programs.length > 0) fused += 1;
    }),
    { numRuns: 150 },
  );
  expect(fused).toBeGreaterThan(60);
});

/** Products of rows and of numbers for whole rows, which sums and differences of them may take in. */
const PRODUCTS = [
  "x",
  "y",
  "x * y",
  "x * w",
  "x * p",
  "q * y",
  "x * y * w",
  "x * p * y",
  "q * (y * w)",
];

const sumOfProducts = fc
  .array(fc.tuple(fc.constantFrom("+", "-", "*"), fc.constantFrom(...PRODUCTS)), {
    minLength: 2,
    maxLength: 4,
  })
  .map((terms) => terms.reduce((text, [sign, term]) => `(${text} ${sign} ${term})`, "y * p"));

test("sums and differences of products, and their sums over rows", () => {
  fc.assert(
    fc.property(
      sumOfProducts,
      fc.integer(),
      fc.integer({ min: 1, max: 20 }),
      (sum, seed, width) => {
        const text = `dims S = 3, D = ${width}
        train m(y: [S, D]) {
          param x: [S, D]
          param w: [D]
          p = mean(x, keep: "yes")
          q = max(y, keep: "yes")
          loss sum(sum(${sum}))
        }`;
        const graph = graphOf({ path: "products.ane", text }, "train");
        const values = valuesOf(graph, seed);
        const lowered = runPasses(graph, pipelines.train).graph;
        const [apart, together] = [NEVER, 2].map((leastRow) =>
          runOnCpu(lowered, values, { leastRow }),
        );
        for (const [name, value] of interpret(differentiate(graph), values)) {
          expect(worstError(together!.get(name)!, value), name).toBeLessThan(2e-5);
          expect(worstError(apart!.get(name)!, value), name).toBeLessThan(2e-5);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("one thread, two and three give the same bits", () => {
  fc.assert(
    fc.property(fc.oneof(rowGraph, elementGraph), ({ graph, values }) => {
      const isLoss = graph.outputs[0]!.name === "loss";
      const lowered = isLoss ? runPasses(graph, pipelines.train).graph : graph;
      const [one, ...others] = [1, 2, 3].map((threads) =>
        runOnCpu(lowered, values, { threads, blas: "builtin", leastRow: 2 }),
      );
      for (const [name, value] of one!)
        for (const other of others) expect(other.get(name)!.data, name).toEqual(value.data);
    }),
    { numRuns: 60 },
  );
});
