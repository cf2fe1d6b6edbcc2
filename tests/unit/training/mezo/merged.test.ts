/** Adapters that are added to their weights before each loss. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isParam, nodesOf } from "../../../../compiler/ir/graph.ts";
import type { Node } from "../../../../compiler/ir/node.ts";
import {
  ATTENTION_TARGETS,
  adapterOf,
  FEED_FORWARD_TARGETS,
  type Lora,
} from "../../../../passes/lora.ts";
import { readCheckpoint } from "../../../../training/checkpoint.ts";
import { evaluate } from "../../../../training/evaluate.ts";
import { zerothMethods } from "../../../../training/mezo/options.ts";
import { openModel } from "../../../../training/open_model.ts";
import { createRandom } from "../../../../training/random.ts";
import { resumeTrainer } from "../../../../training/resume.ts";
import type { Trainer } from "../../../../training/trainer_types.ts";
import { closing, lossesOf, SMALL, toyData } from "../support.ts";
import { copyOf, mezoTrainer } from "./support.ts";

const device = { threads: 1 };
const targets = [...ATTENTION_TARGETS, ...FEED_FORWARD_TARGETS];
const split: Lora = { rank: 4, scale: 0.5, targets, norms: true };
const merged: Lora = { ...split, form: "merged" };

/** A run whose adapters have values that count from the first step. */
function start(lora: Lora, method: (typeof zerothMethods)[number] = "mezo"): Trainer {
  const trainer = mezoTrainer({ method }, { lr: 1e-3, steps: 20 }, { lora });
  const random = createRandom(5);
  for (const path of copyOf(trainer).keys()) {
    if (path.endsWith(".lora_b")) random.fillUniform(trainer.param(path), 0.25);
  }
  trainer.restage();
  return trainer;
}

/** Products of activations with adapters. */
function productsBeside({ model: { graph } }: Trainer): number {
  const isAdapter = (node: Node) => adapterOf(node) !== undefined;
  const products = nodesOf(graph).filter((n) => n.op.name === "matmul");
  return products.filter((n) => isAdapter(n.inputs[1]!) && !n.inputs.every(isParam)).length / 2;
}

test.each(zerothMethods)("%s: the losses are those of the split form", (method) => {
  const [one, other] = [start(split, method), start(merged, method)];
  expect(productsBeside(one)).toBe(targets.length * SMALL.L);
  expect(productsBeside(other)).toBe(0);
  const [losses, found] = [lossesOf(one), lossesOf(other)];
  for (const [i, loss] of found.entries()) expect(Math.abs(loss - losses[i]!)).toBeLessThan(1e-5);
  expect(Math.abs(one.validate() - other.validate())).toBeLessThan(1e-5);
});

test("the weights stay as they are, and a checkpoint goes on with the same losses", async () => {
  const folder = mkdtempSync(join(tmpdir(), "anec-merged-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "run.ckpt");
  const losses = lossesOf(start(merged));
  const first = start(merged);
  const before = copyOf(first);
  const early = Array.from({ length: 7 }, () => first.step().loss);
  for (const target of targets) {
    const weight = [...before.keys()].find((p) => p.endsWith(`.${target}`))!;
    expect(first.param(weight)).toEqual(before.get(weight));
  }
  first.save(path);
  const loss = first.validate();
  const second = closing(
    resumeTrainer({ checkpoint: readCheckpoint(path), data: toyData(), device }),
  );
  expect([...early, ...lossesOf(second)]).toEqual(losses);
  const found = await evaluate(openModel(path), { data: toyData(), device });
  expect(Math.abs(found.loss - loss)).toBeLessThan(1e-5);
});
