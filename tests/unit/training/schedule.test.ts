/** The learning rate over a run. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultSettings, type TrainSettings } from "../../../training/options.ts";
import { learningRate, scheduleNames } from "../../../training/schedules/index.ts";
import { smallTrainer } from "./support.ts";

/** The rate at `at` of a run of `length`. */
function rate(at: number, length: number | null, given: Partial<TrainSettings> = {}): number {
  return learningRate(at, { ...defaultSettings, lr: 1, warmup: 4, ...given }, length);
}

test("cosine: warms up linearly, then falls along half a cosine to a tenth", () => {
  const rates = Array.from({ length: 13 }, (_, i) => rate(i, 12));
  expect(rates.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(rates[4]).toBe(1);
  expect(rates[8]).toBeCloseTo(0.55, 12); // half way: the mean of peak and low
  expect(rates[12]).toBeCloseTo(0.1, 12);
  expect(rates[6]).toBeCloseTo(0.1 + 0.45 * (1 + Math.cos(Math.PI / 4)), 12);
  for (let i = 5; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
});

test("linear: a straight line to the floor that was asked for", () => {
  const schedule = { schedule: "linear", minLr: 0.2 };
  const rates = [4, 6, 8, 10, 12].map((at) => rate(at, 12, schedule));
  for (const [i, expected] of [1, 0.8, 0.6, 0.4, 0.2].entries())
    expect(rates[i]).toBeCloseTo(expected, 12);
});

test("constant: the peak after the warm-up", () => {
  const rates = [0, 3, 4, 11, 99].map((at) => rate(at, 12, { schedule: "constant" }));
  expect(rates).toEqual([0.25, 1, 1, 1, 1]);
});

test("wsd: the peak, and a line down in the last part of the time after the warm-up", () => {
  const schedule = { schedule: "wsd", minLr: 0, cooldown: 0.25 };
  const rates = [4, 9, 10, 11, 12].map((at) => rate(at, 12, schedule));
  for (const [i, expected] of [1, 1, 1, 0.5, 0].entries())
    expect(rates[i]).toBeCloseTo(expected, 12);
  expect(rate(4, 12, { ...schedule, cooldown: 1 })).toBe(1);
  expect(rate(8, 12, { ...schedule, cooldown: 1 })).toBeCloseTo(0.5, 12);
});

test.each(scheduleNames)(
  "%s never rises after the warm-up, and stays between floor and peak",
  (schedule) => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    const runs = fc.record({
      length: fc.integer({ min: 1, max: 500 }),
      warmup: fc.integer({ min: 0, max: 60 }),
      minLr: part,
      cooldown: part.filter((x) => x > 0.001),
    });
    fc.assert(
      fc.property(runs, ({ length, ...given }) => {
        let before = 1;
        for (let at = given.warmup; at <= length + 3; at++) {
          const now = rate(at, length, { ...given, schedule });
          expect(now).toBeLessThanOrEqual(before + 1e-12);
          expect(now).toBeGreaterThanOrEqual(given.minLr - 1e-12);
          before = now;
        }
      }),
    );
  },
);

test("without an end it stays at the peak", () => {
  for (const schedule of scheduleNames)
    expect(rate(1e6, null, { lr: 3, warmup: 10, schedule })).toBe(3);
});

test("beyond its length it stays low, and a warm-up longer than the run never ends", () => {
  expect(rate(99, 10, { warmup: 0 })).toBeCloseTo(0.1, 12);
  expect(rate(3, 4, { warmup: 100 })).toBeCloseTo(0.04, 12);
  expect(rate(4, 4)).toBe(1);
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
  expect(rates).toEqual([0, 1, 2, 3].map((u) => rate(u, 4, { lr: 1e-3, warmup: 2 })));
});

test("with --compat autoane time is counted in micro-steps", () => {
  const trainer = smallTrainer({ steps: 12, accum: 3, lr: 1e-3, warmup: 2, compat: "autoane" });
  const rates: number[] = [];
  while (!trainer.done) {
    const { update } = trainer.step();
    if (update !== undefined) rates.push(update.lr);
  }
  expect(rates).toEqual([2, 5, 8, 11].map((at) => rate(at, 12, { lr: 1e-3, warmup: 2 })));
});
