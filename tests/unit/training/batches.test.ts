/** Several micro-steps in one call: the same windows, losses and updates. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchAt, batchCandidates, chooseBatch, fastest } from "../../../training/batches.ts";
import { readCheckpoint } from "../../../training/checkpoint.ts";
import type { TrainSettings } from "../../../training/options.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { startRun, type TrainEvent } from "../../../training/run.ts";
import type { Trainer } from "../../../training/trainer.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, smallTrainer, toyData } from "./support.ts";

/** Runs a trainer to its end; what happened, and the losses of its micro-steps. */
async function run(
  trainer: Trainer,
  options: { readonly out?: string; readonly saveEvery?: number } = {},
) {
  const events: TrainEvent[] = [];
  await startRun({ trainer, ...options, onEvent: (event) => events.push(event) }).finished;
  const happened = events.map((e) => {
    const update = e.kind === "step" && e.update !== undefined ? ` update ${e.update.update}` : "";
    return `${e.kind} ${e.step}${update}`;
  });
  const losses = events.flatMap((e) => (e.kind === "step" ? [e.loss] : []));
  return { happened, losses };
}

const resumed = (path: string, settings: Partial<TrainSettings> = {}): Trainer =>
  closing(
    resumeTrainer({
      ...{ checkpoint: readCheckpoint(path), data: toyData(), settings },
      device: { threads: 1 },
    }),
  );

/** The largest difference of losses that the rounding of fp32 sums makes in a run of 20 micro-steps. */
const ROUNDING = 1e-5;

test("whatever the batch, the same things happen at the same steps, and losses agree", async () => {
  const settings = { steps: 19, accum: 6, valEvery: 5, lr: 0.01 };
  const single = await run(smallTrainer(settings), { saveEvery: 7 });
  expect(single.losses).toHaveLength(19);
  for (const batch of [2, 3, 4, 6, 7]) {
    const found = await run(smallTrainer({ ...settings, batch }), { saveEvery: 7 });
    expect(found.happened, `batch ${batch}`).toEqual(single.happened);
    for (const [i, loss] of found.losses.entries())
      expect(Math.abs(loss - single.losses[i]!), `step ${i + 1}`).toBeLessThan(ROUNDING);
  }
});

test("gradients of a group are those of its micro-steps", () => {
  const one = smallTrainer({ accum: 8 });
  const four = smallTrainer({ accum: 8, batch: 4 });
  for (let i = 0; i < 4; i++) one.step();
  const results = four.steps();
  expect(results.map((r) => r.step)).toEqual([1, 2, 3, 4]);
  expect(four.state.random).toEqual(one.state.random);
  for (const path of four.model.graph.params.map((p) => String(p.attrs["name"]))) {
    const expected = one.gradient(path);
    const size = Math.max(...expected.map(Math.abs));
    for (const [i, g] of four.gradient(path).entries())
      expect(Math.abs(g - expected[i]!)).toBeLessThanOrEqual(1e-5 * size);
  }
});

test("a run that goes on from any of its checkpoints ends with the same bytes", async () => {
  const folder = testFolder();
  const settings = { steps: 18, accum: 6, batch: 4, valEvery: 5 };
  for (const [name, recompute] of [
    ["kept", false],
    ["made again", true],
  ] as const) {
    const whole = join(folder, `${name}.ckpt`);
    await run(smallTrainer(settings, { recompute }), { out: whole, saveEvery: 5 });
    const cut = join(folder, "cut.ckpt");
    const first = smallTrainer(settings);
    for (const stop of [5, 10, 15]) {
      while (first.state.step < stop) {
        const { step } = first.state;
        if (step % 5 === 0 && first.state.validation.last?.step !== step)
          first.validate({ record: true });
        first.steps((Math.floor(step / 5) + 1) * 5);
      }
      first.validate({ record: true });
      first.save(cut);
      await run(resumed(cut), { out: cut, saveEvery: 5 });
      expect(readFileSync(cut), `${name}, from ${stop}`).toEqual(readFileSync(whole));
    }
  }
});

test("a resumed run keeps the batch of its checkpoint, or takes another", () => {
  const path = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer({ batch: 2 });
  trainer.step();
  trainer.save(path);
  const same = resumed(path);
  expect(same.settings.batch).toBe(2);
  // The batch of the first two was left after one: the next begins where the group's third does.
  expect([same.steps().length, same.steps().length]).toEqual([1, 2]);
  expect(resumed(path, { batch: 4 }).settings.batch).toBe(4);
});

test("batches end with their group, the run, and the step that was given", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 12 }),
      (batch, accum, steps, every) => {
        let [step, count] = [0, 0];
        const begins: number[] = [];
        while (step < steps) {
          const until = (Math.floor(step / every) + 1) * every;
          const n = batchAt({ step, group: groupOf(count) }, { batch, accum, steps }, until);
          expect([1, batch]).toContain(n);
          expect(step + n).toBeLessThanOrEqual(Math.min(steps, until));
          if (n > 1) begins.push(count);
          step += n;
          count += n;
          expect(count).toBeLessThanOrEqual(accum);
          if (count === accum) count = 0;
        }
        expect(begins.every((at) => at % batch === 0)).toBe(true);
      },
    ),
  );
});

const groupOf = (count: number) => {
  const random = { hi: 0, lo: 0 };
  return { count, loss: 0, before: { random, lastLoss: null } };
};

test("the candidates divide the group, and their scratch is small beside the state", () => {
  const { graph } = smallTrainer().model;
  expect(batchCandidates({ graph, accum: 12 })[0]).toBe(1);
  for (const n of batchCandidates({ graph, accum: 12 })) expect(12 % n).toBe(0);
  // Windows of 8 tokens beside a few thousand parameters.
  expect(batchCandidates({ graph, accum: 7 })).toEqual([1]);
});

test("the fastest is chosen, and of equals the smaller", () => {
  expect(fastest([1, 2, 5], [10, 9, 9.5])).toBe(2);
  expect(fastest([1, 2, 5], [10, 9.95, 9.95])).toBe(1);
  const { graph } = smallTrainer().model;
  let clock = 0;
  const chosen = chooseBatch({ graph, accum: 4, now: () => (clock += 1) });
  // Every run takes one tick of this clock, so the largest is the fastest per micro-step.
  expect(chosen).toBe(batchCandidates({ graph, accum: 4 }).at(-1));
});

test("auto puts the batch it chose into the settings", () => {
  const { settings } = smallTrainer({}, { batch: "auto" });
  expect(4 % settings.batch).toBe(0);
});

test.each([0, 1.5, 257, Number.NaN])("a batch of %f is refused", async (batch) => {
  expect(await errorOf(() => smallTrainer({ batch }))).toContain("E0901");
});
