/** Every model that comes with anec, at toy size: gradients, device, MIL, and its golden programs. */
import { describe, expect, test } from "vitest";
import { differentiate } from "../../compiler/autodiff/differentiate.ts";
import { printGraph } from "../../compiler/ir/print.ts";
import { interpret } from "../../compiler/reference/interpret.ts";
import { loadModel, modelNames } from "../../dsl/index.ts";
import { compile } from "../../index.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { worstError } from "../support/close.ts";
import { graphOf, slopes, valuesOf } from "../support/random_model.ts";
import { runBundle } from "../support/run_bundle.ts";
import { runOnCpu } from "../support/run_on_cpu.ts";

const TOY = { S: 4, D: 8, H: 4, K: 2, E: 4, F: 12, V: 16, L: 2 };

describe.each(modelNames().map((name) => [name] as const))("%s", (name) => {
  const source = loadModel(name);
  const train = graphOf(source, "train", TOY);
  const values = valuesOf(train, 3);

  test("its gradient agrees with finite differences", () => {
    const { byDifferences, byGradients } = slopes(train, values, 4);
    expect(Math.abs(byGradients - byDifferences)).toBeLessThan(
      1e-6 * (1 + Math.abs(byDifferences)),
    );
  });

  test("the cpu device computes its loss and gradients", () => {
    const expected = interpret(differentiate(train), values);
    for (const [output, value] of runOnCpu(runPasses(train, pipelines.train).graph, values)) {
      expect(worstError(value, expected.get(output)!), output).toBeLessThan(1e-5);
    }
  });

  test("its MIL computes its logits, one program for all layers", () => {
    const model = graphOf(source, "model", TOY);
    const given = valuesOf(model, 5);
    const made = compile(model, { target: "ane" });
    const blocks = made.bundle.manifest.programs.filter((p) => p.calls === TOY.L);
    expect(blocks).toHaveLength(1);
    const found = runBundle(made, given).get("out")!;
    const expected = interpret(model, given).get("out")!;
    expect(worstError({ shape: expected.shape, data: found }, expected)).toBeLessThan(1e-2);
  });

  test("its MIL at full size reads back and passes the checker", () => {
    // `compile` stops with a bug if a program does not; the text itself is checked there.
    const { bundle, stats } = compile(graphOf(source, "model"), { target: "ane" });
    expect(bundle.manifest.programs.length).toBeGreaterThan(1);
    expect(stats.parameters).toBeGreaterThan(100_000);
  });
});

test("the programs and graphs of `tiny` are as recorded", async () => {
  const source = loadModel("tiny");
  const parts: string[] = ["# tiny\n"];
  for (const kind of ["model", "train"] as const) {
    const graph = graphOf(source, kind);
    parts.push(`## ${kind}: the graph\n`, "```ir", printGraph(graph).trimEnd(), "```\n");
  }
  const { graph, bundle } = compile(graphOf(source, "model"), { target: "ane" });
  parts.push(
    "## model: after the passes of target `ane`\n",
    "```ir",
    printGraph(graph).trimEnd(),
    "```\n",
  );
  for (const program of bundle.manifest.programs) {
    const mil = new TextDecoder().decode(bundle.files.get(program.file)!);
    parts.push(
      `## ${program.file}, called ${program.calls} times\n`,
      "```mil",
      mil.trimEnd(),
      "```\n",
    );
  }
  await expect(`${parts.join("\n")}`).toMatchFileSnapshot("../cases/models/tiny.md");
});
