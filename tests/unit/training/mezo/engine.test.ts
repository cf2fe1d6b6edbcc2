/** Training without gradients on the emulated engine. */
import { expect, test } from "vitest";
import { ATTENTION_TARGETS, type Lora } from "../../../../passes/lora.ts";
import { zerothSettings } from "../../../../training/mezo/options.ts";
import type { Trainer } from "../../../../training/trainer_types.ts";
import { smallTrainer } from "../support.ts";

const lora: Lora = { rank: 2, scale: 1, targets: ATTENTION_TARGETS, norms: true };
const overrides = { S: 16, D: 16, H: 2, K: 1, E: 8, F: 24, L: 2 };
const steps = 4;

function onEngine(adapters: Lora | undefined, isOn = true): Trainer {
  const settings = zerothSettings({ method: "mezo" }, { steps, lr: 1e-3, valEvery: 0 });
  return smallTrainer(settings, {
    overrides,
    ...(adapters === undefined ? {} : { lora: adapters }),
    ...(isOn ? { engine: { fusion: "layer", ane: "matmul" } } : {}),
    device: { threads: 1, ...(isOn ? { engine: { kind: "emulator" } } : {}) },
  });
}

test("adapters: the engine is given the base weights once, and none of their bytes after", () => {
  const trainer = onEngine(lora);
  const host = onEngine(lora, false);
  const staged = trainer.engineCounts!.bytesStaged;
  expect(staged).toBeGreaterThan(0);
  while (!trainer.done) {
    const { evaluations } = trainer.engineCounts!;
    const { loss } = trainer.step();
    expect(trainer.engineCounts!.evaluations).toBeGreaterThan(evaluations);
    expect(trainer.engineCounts!.bytesStaged).toBe(staged);
    expect(Math.abs(loss - host.step().loss)).toBeLessThan(5e-3);
  }
});

test.each([
  // Against the split form.
  ["merged adapters", { ...lora, form: "merged" }, lora],
  // All weights have moved.
  ["no adapters", undefined, undefined],
] satisfies [string, Lora | undefined, Lora | undefined][])(
  "%s: every loss comes with staged weights, and is that of the host",
  (_, adapters, ofHost) => {
    const trainer = onEngine(adapters);
    const host = onEngine(ofHost, false);
    let { bytesStaged } = trainer.engineCounts!;
    while (!trainer.done) {
      const { loss } = trainer.step();
      expect(trainer.engineCounts!.bytesStaged).toBeGreaterThan(bytesStaged);
      ({ bytesStaged } = trainer.engineCounts!);
      expect(Math.abs(loss - host.step().loss)).toBeLessThan(5e-3);
    }
  },
);
