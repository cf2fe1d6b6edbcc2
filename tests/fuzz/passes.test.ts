/** Laws of graphs and passes on random graphs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { nodesOf } from "../../compiler/ir/graph.ts";
import { parseGraph } from "../../compiler/ir/parse.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { verifyGraph } from "../../compiler/ir/verify.ts";
import { opRegistry } from "../../compiler/ops/index.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { type Pass, type Property, runPasses } from "../../passes/pass.ts";
import { passes, pipelines } from "../../passes/pipeline.ts";
import { worstError } from "../support/close.ts";
import { graphWithValues, lossGraph } from "../support/random_graph.ts";

/** The passes that establish what `pass` requires, then the pass. */
function reaching(pass: Pass): Pass[] {
  const before: Pass[] = [];
  const known = new Set<Property>();
  for (const needed of pass.requires) {
    for (const p of pipelines.train) {
      if (known.has(needed)) break;
      if (p === pass) continue;
      before.push(p);
      for (const e of p.establishes) known.add(e);
    }
  }
  return [...before, pass];
}

test("a graph prints and parses back to itself", () => {
  fc.assert(
    fc.property(graphWithValues, ({ graph }) => {
      const text = printGraph(graph);
      const again = parseGraph({ path: "g.ir", text }, opRegistry);
      expect(verifyGraph(again)).toEqual([]);
      expect(printGraph(again)).toBe(text);
    }),
    { numRuns: 200 },
  );
});

describe.each(passes.map((p) => [p.name, p] as const))("%s", (_name, pass) => {
  test("keeps the meaning of every graph", () => {
    fc.assert(
      fc.property(lossGraph, ({ graph, values }) => {
        const before = interpret(graph, values).get("loss")!;
        const after = interpret(runPasses(graph, reaching(pass)).graph, values).get("loss")!;
        expect(worstError(after, before)).toBeLessThan(1e-9);
      }),
      { numRuns: 150 },
    );
  });

  test("run twice is the same as once, where it says so", () => {
    if (!pass.idempotent) return;
    fc.assert(
      fc.property(lossGraph, ({ graph }) => {
        const list = reaching(pass);
        const once = runPasses(graph, list).graph;
        const twice = runPasses(once, [{ ...pass, requires: [] }]).graph;
        for (const [i, { name, node }] of once.outputs.entries())
          expect(twice.outputs[i]!.node, name).toBe(node);
      }),
      { numRuns: 100 },
    );
  });

  test("returns the same graph when it has nothing to do", () => {
    fc.assert(
      fc.property(lossGraph, ({ graph }) => {
        let matches = 0;
        const result = pass.run(graph, {
          matched: () => {
            matches += 1;
          },
        });
        if (matches === 0) expect(result).toBe(graph);
      }),
      { numRuns: 100 },
    );
  });
});

test.each(Object.keys(pipelines) as (keyof typeof pipelines)[])(
  "pipeline %s keeps loss and gradients",
  (name) => {
    fc.assert(
      fc.property(lossGraph, ({ graph, values }) => {
        const expected = interpret(differentiate(graph), values);
        const found = interpret(runPasses(graph, pipelines[name]).graph, values);
        for (const [output, value] of found) {
          expect(worstError(value, expected.get(output)!), output).toBeLessThan(1e-8);
        }
        if (name === "train") expect(found.size).toBe(1 + graph.params.length);
      }),
      { numRuns: 150 },
    );
  },
);

test("the passes of a pipeline are ordered by what they require", () => {
  for (const list of Object.values(pipelines)) {
    const known = new Set<Property>();
    for (const pass of list) {
      expect(
        pass.requires.every((r) => known.has(r)),
        pass.name,
      ).toBe(true);
      for (const e of pass.establishes) known.add(e);
    }
  }
});

test("fusing finds attention and swiglu in random graphs that contain them", () => {
  let found = 0;
  fc.assert(
    fc.property(graphWithValues, ({ graph }) => {
      const names = nodesOf(runPasses(graph, pipelines.infer).graph).map((n) => n.op.name);
      if (names.includes("attention")) found += 1;
    }),
    { numRuns: 100 },
  );
  expect(found).toBeGreaterThan(10);
});
