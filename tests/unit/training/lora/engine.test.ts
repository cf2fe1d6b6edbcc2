/** Adapters trained by gradients with the base weights on the emulated engine. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { isTrained, leafName } from "../../../../compiler/ir/graph.ts";
import { sizesOf } from "../../../../compiler/ir/types.ts";
import { ATTENTION_TARGETS, type Lora } from "../../../../passes/lora.ts";
import { readCheckpoint } from "../../../../training/checkpoint.ts";
import type { EngineChoice } from "../../../../training/engine_programs.ts";
import { resumeTrainer } from "../../../../training/resume.ts";
import { testFolder } from "../../data/support.ts";
import { closing, lossesOf, smallTrainer, toyData } from "../support.ts";

const lora: Lora = { rank: 2, scale: 2, targets: [...ATTENTION_TARGETS, "w2"], norms: true };
const overrides = { S: 16, D: 16, H: 2, K: 1, E: 8, F: 24, L: 2 };
const engine: EngineChoice = { fusion: "layer", ane: "full" };
const emulator = { threads: 1, engine: { kind: "emulator" } } as const;
const settings = { steps: 12, accum: 2, lr: 1e-2 };

const begin = (isOn: boolean) =>
  smallTrainer(settings, {
    ...{ overrides, lora },
    ...(isOn ? { engine, device: emulator, fallback: false } : {}),
  });

test("losses and gradients are the processor's, and the base weights are staged once", () => {
  const [onEngine, onHost] = [begin(true), begin(false)];
  const staged = onEngine.engineCounts!.bytesStaged;
  // fp16, of every weight that a product reads; the classifier is the host's.
  const weights = onEngine.model.graph.params.filter((p) => /\.w[a-z0-9]$/.test(leafName(p)));
  const numbers = weights.map((p) => sizesOf(p.type.shape).reduce((a, b) => a * b, 1));
  expect(staged).toBe(2 * numbers.reduce((a, b) => a + b, 0));
  while (!onEngine.done) {
    const { evaluations } = onEngine.engineCounts!;
    const [a, b] = [onEngine.step(), onHost.step()];
    expect(Math.abs(a.loss - b.loss)).toBeLessThan(2e-3);
    expect(onEngine.engineCounts!.evaluations).toBe(evaluations + 7 * overrides.L);
    expect(onEngine.engineCounts!.bytesStaged).toBe(staged);
    if (a.step !== 2) continue;
    for (const param of onHost.model.graph.params.filter(isTrained)) {
      const [own, exact] = [onEngine, onHost].map((t) => t.gradient(leafName(param)));
      const largest = exact!.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      const far = exact!.reduce((most, g, i) => Math.max(most, Math.abs(g - own![i]!)), 0);
      expect(far, leafName(param)).toBeLessThanOrEqual(0.02 * largest);
    }
  }
  expect(onEngine.validate()).toBeLessThan(onHost.validate() + 2e-3);
});

test("a run on the engine is resumed there to the bit, and on the processor", () => {
  const path = join(testFolder(), "run.ckpt");
  const losses = lossesOf(begin(true));
  const first = begin(true);
  const early = Array.from({ length: 5 }, () => first.step().loss);
  first.save(path);
  const resume = (more: object) =>
    closing(resumeTrainer({ checkpoint: readCheckpoint(path), data: toyData(), ...more }));
  const onEngine = resume({ engine, device: emulator, fallback: false });
  expect(onEngine.engine).toBeDefined();
  expect([...early, ...lossesOf(onEngine)]).toEqual(losses);
  const onHost = lossesOf(resume({ device: { threads: 1 } }));
  for (const [i, loss] of onHost.entries()) {
    expect(Math.abs(loss - losses[early.length + i]!)).toBeLessThan(2e-3);
  }
});
