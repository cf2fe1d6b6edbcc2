/**
 * Training with the calls of the engine, carried out by the emulator with the engine's own arithmetic: the
 * losses are those of the processor.
 */
import { beforeAll, expect, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { openData } from "../../training/data/open_data.ts";
import type { TokenData } from "../../training/data/token_file.ts";
import { createTrainer, type Trainer, type TrainerOptions } from "../../training/trainer.ts";

let data: TokenData;
beforeAll(async () => {
  data = await openData("builtin:stories");
});

const UPDATES = 200;
const COUNTED = 50;

function trainer(more: Partial<TrainerOptions> = {}): Trainer {
  return createTrainer({
    source: loadModel("tiny"),
    data,
    dataName: "builtin:stories",
    settings: { steps: UPDATES, accum: 1, lr: 1e-3 },
    ...more,
  });
}

/** The mean loss of the last updates. */
function lastLosses(t: Trainer): number {
  const losses: number[] = [];
  while (!t.done) losses.push(t.step().loss);
  return losses.slice(-COUNTED).reduce((a, b) => a + b, 0) / COUNTED;
}

let onProcessor: number | undefined;
function reference(): number {
  if (onProcessor !== undefined) return onProcessor;
  const t = trainer();
  onProcessor = lastLosses(t);
  t.close();
  return onProcessor;
}

/** Programs of each share: what has to be compiled, once. */
const SHARES = [
  ["none", "full", 10],
  ["pairs", "full", 8],
  ["layer", "full", 3],
  ["layer", "matmul", 5],
] as const;

test.each(SHARES)(
  "fusion %s, ane %s: the loss of the processor, %i programs",
  (fusion, ane, count) => {
    const t = trainer({ engine: { fusion, ane }, device: { engine: { kind: "emulator" } } });
    const loss = lastLosses(t);
    const counts = t.engineCounts!;
    t.close();
    expect(Math.abs(loss - reference())).toBeLessThan(0.02);
    expect(loss).toBeLessThan(5);
    expect(counts.loads).toBe(count);
    expect(counts.compiles).toBeLessThanOrEqual(count);
    expect(counts.overflows).toBe(0);
    expect(counts.retries + counts.reloads).toBe(0);
  },
);

test("two runs on the engine have the same losses, bit for bit", () => {
  const run = (): number[] => {
    const t = trainer({
      settings: { steps: 6, accum: 2 },
      engine: { fusion: "layer", ane: "full" },
      device: { engine: { kind: "emulator" } },
    });
    const losses: number[] = [];
    while (!t.done) losses.push(t.step().loss);
    t.close();
    return losses;
  };
  expect(run()).toEqual(run());
});

test("nothing is compiled in a step, and surfaces take what the schedule says", () => {
  const t = trainer({
    settings: { steps: 8, accum: 2 },
    engine: { fusion: "layer", ane: "full" },
    device: { engine: { kind: "emulator" } },
  });
  const before = t.engineCounts!;
  t.step();
  const one = t.engineCounts!;
  t.step();
  t.step();
  const later = t.engineCounts!;
  t.close();
  expect(later.compiles).toBe(before.compiles);
  expect(one.evaluations - before.evaluations).toBe(3 * 2);
  // x of the first layer, for both directions, and the gradient of the last one.
  expect(one.bytesWritten - before.bytesWritten).toBe(3 * 2 * 64 * 32);
});
