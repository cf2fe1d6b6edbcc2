/** The learning rate over a run. */
import { expect, test } from "vitest";
import { learningRate } from "../../../training/schedule.ts";
import { smallTrainer } from "./support.ts";

test("warms up linearly, then falls along half a cosine to a tenth", () => {
  const schedule = { peak: 1, warmup: 4, length: 12 };
  const rates = Array.from({ length: 13 }, (_, i) => learningRate(i, schedule));
  expect(rates.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(rates[4]).toBe(1);
  expect(rates[8]).toBeCloseTo(0.55, 12); // half way: the mean of peak and low
  expect(rates[12]).toBeCloseTo(0.1, 12);
  expect(rates[6]).toBeCloseTo(0.1 + 0.45 * (1 + Math.cos(Math.PI / 4)), 12);
  for (let i = 5; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
});

test("without an end it stays at the peak", () => {
  expect(learningRate(1e6, { peak: 3, warmup: 10, length: null })).toBe(3);
});

test("beyond its length it stays low, and a warm-up longer than the run never ends", () => {
  expect(learningRate(99, { peak: 1, warmup: 0, length: 10 })).toBeCloseTo(0.1, 12);
  expect(learningRate(3, { peak: 1, warmup: 100, length: 4 })).toBeCloseTo(0.04, 12);
  expect(learningRate(4, { peak: 1, warmup: 4, length: 4 })).toBe(1);
});

test("time is counted in updates, not in micro-steps", () => {
  const trainer = smallTrainer({ steps: 12, accum: 3, lr: 1e-3, warmup: 2 });
  const rates: number[] = [];
  while (!trainer.done) {
    const announced = trainer.lr;
    const { update } = trainer.step();
    if (update === undefined) continue;
    expect(update.lr).toBe(announced);
    rates.push(update.lr);
  }
  const schedule = { peak: 1e-3, warmup: 2, length: 4 };
  expect(rates).toEqual([0, 1, 2, 3].map((u) => learningRate(u, schedule)));
});

test("with --compat autoane time is counted in micro-steps", () => {
  const trainer = smallTrainer({ steps: 12, accum: 3, lr: 1e-3, warmup: 2, compat: "autoane" });
  const rates: number[] = [];
  while (!trainer.done) {
    const { update } = trainer.step();
    if (update !== undefined) rates.push(update.lr);
  }
  const schedule = { peak: 1e-3, warmup: 2, length: 12 };
  expect(rates).toEqual([2, 5, 8, 11].map((step) => learningRate(step, schedule)));
});
