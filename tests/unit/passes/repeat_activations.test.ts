import { expect, test } from "vitest";
import { loadModel } from "../../../dsl/index.ts";
import { runPasses } from "../../../passes/pass.ts";
import { trainPipeline } from "../../../passes/pipeline.ts";
import { trainingPlan } from "../../../training/programs.ts";
import { graphOf } from "../../support/random_model.ts";

const small = (F: number) => graphOf(loadModel("autoresearch"), "train", { L: 1, V: 64, F });

function wideCommands(F: number): string[] {
  const { programs } = trainingPlan(small(F)).plan;
  const step = programs.find((p) => p.name === "micro_step")!;
  return step.commands
    .filter(({ kernel, ints }) => kernel !== "matmul" && ints.some((n) => n % F === 0 && n > 0))
    .map((c) => `${c.kernel} of ${c.operands.length}`);
}

test("SwiGLU is one loop forward, and one for both gradients", () => {
  // y = f(gate, up); dgate and dup of gate, up and dy.
  expect(wideCommands(1408)).toEqual(["elementwise of 3", "rowwise of 5"]);
});

test("rows too short for groups stay as they are", () => {
  const changed = (F: number) =>
    runPasses(small(F), trainPipeline()).reports.find((r) => r.name === "repeat_activations")!
      .matches;
  expect(changed(1408)).toBe(1);
  expect(changed(24)).toBe(0);
});
