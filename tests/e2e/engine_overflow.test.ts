/**
 * Near the end of the engine's numbers, with its own arithmetic: a sum that leaves the range is read as a number
 * by the op behind it, so that a wrong gradient may look like any other. Whatever is not noticed is right.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { leafName } from "../../compiler/ir/graph.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import type { EngineChoice } from "../../training/engine_programs.ts";
import { scalesOf } from "../../training/engine_scales.ts";
import { resumeTrainer } from "../../training/resume.ts";
import type { Trainer, TrainerOptions } from "../../training/trainer.ts";
import { testFolder } from "../unit/data/support.ts";
import { data, device, engine, inject, trainer } from "./engine_support.ts";

const settings = { steps: 2, accum: 2, clip: 0 };

/** Runs of one group, with another scale of the loss, 2^exponent, than the one that fits. */
function scaled(choice: EngineChoice, more: Partial<TrainerOptions> = {}) {
  const options = { engine: choice, settings, ...more };
  const fitting = trainer(options);
  const scales = scalesOf(fitting.state.engine!);
  fitting.close();
  const start = (exponent: number): Trainer =>
    trainer({ ...options, scales: { ...scales, lossScale: 2 ** exponent } });
  return { start, found: scales.lossScale };
}

/** The largest relative error of a parameter's gradient. */
function error(t: Trainer, reference: ReadonlyMap<string, Float32Array>): number {
  const errors = [...reference].map(([path, right]) => {
    let [difference, size] = [0, 0];
    for (const [i, g] of t.gradient(path).entries()) {
      difference += (g - right[i]!) ** 2;
      size += right[i]! ** 2;
    }
    return Math.sqrt(difference / size);
  });
  return Math.max(...errors);
}

const model = { overrides: { L: 2 } };
let reference: ReadonlyMap<string, Float32Array> | undefined;
function gradients(): ReadonlyMap<string, Float32Array> {
  if (reference !== undefined) return reference;
  const t = trainer({ settings, ...model }, { onEngine: false });
  while (!t.done) t.step();
  const paths = t.model.graph.params.map(leafName);
  reference = new Map(paths.map((path) => [path, t.gradient(path)]));
  t.close();
  return reference;
}

test.each(["none", "pairs", "layer"] as const)(
  "%s: a gradient that is wrong is not used, whatever the loss is scaled by",
  (fusion) => {
    inject("");
    const { start, found } = scaled({ fusion, ane: "full" }, model);
    // It does not depend on how the work is cut.
    expect(found).toBe(2 ** 11);
    const outcomes = [10, 15, 17, 18, 19, 20, 21, 22, 24].map((exponent) => {
      const t = start(exponent);
      t.step();
      const isUsed = t.step().update!.skipped === undefined;
      const far = error(t, gradients());
      t.close();
      return { exponent, isUsed, isRight: far < 0.03 };
    });
    expect(outcomes.filter((o) => o.isUsed && !o.isRight)).toEqual([]);
    expect(outcomes[0]).toMatchObject({ isUsed: true, isRight: true });
    expect(outcomes.at(-1)).toMatchObject({ isUsed: false });
  },
);

test("a checkpoint inside a group knows that its gradients are spoilt", () => {
  inject("");
  const path = join(testFolder(), "spoilt.ckpt");
  const t = scaled(engine).start(24);
  t.step();
  t.save(path);
  expect(t.step().update).toMatchObject({ update: 0, skipped: { lossScale: 2 ** 23 } });
  t.close();
  const resumed = resumeTrainer({ checkpoint: readCheckpoint(path), data, engine, device });
  expect(resumed.step().update).toMatchObject({ update: 0, skipped: { lossScale: 2 ** 23 } });
  resumed.close();
});
