/**
 * `autoresearch` on the default text with the layers on the emulated engine: the losses of the processor.
 * Needs the npm registry once; the text is cached for the user. `bench/engine_steps.ts` prints the times.
 */
import { expect, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { openData } from "../../training/data/open_data.ts";
import { createTrainer, type TrainerOptions } from "../../training/trainer.ts";

const data = await openData("default", {});

function losses(more: Partial<TrainerOptions> = {}): number[] {
  const trainer = createTrainer({
    source: loadModel("autoresearch"),
    data,
    dataName: "default",
    settings: { steps: 20, accum: 1 },
    ...more,
  });
  const found: number[] = [];
  while (!trainer.done) found.push(trainer.step().loss);
  trainer.close();
  return found;
}

test("20 updates, three programs a layer", { timeout: 300_000 }, () => {
  const expected = losses();
  const found = losses({
    engine: { fusion: "layer", ane: "full" },
    device: { engine: { kind: "emulator" } },
  });
  expect(expected.at(-1)).toBeLessThan(expected[0]! - 1);
  for (const [i, loss] of found.entries()) expect(Math.abs(loss - expected[i]!)).toBeLessThan(0.02);
});
