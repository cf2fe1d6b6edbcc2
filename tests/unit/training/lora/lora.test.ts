/** Training adapters by gradients, and what is done with them after. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { differentiate } from "../../../../compiler/autodiff/differentiate.ts";
import { isTrained, leafName } from "../../../../compiler/ir/graph.ts";
import { sizesOf } from "../../../../compiler/ir/types.ts";
import { type Tensor, tensor } from "../../../../compiler/ops/tensor.ts";
import { interpret } from "../../../../compiler/reference/interpret.ts";
import { ATTENTION_TARGETS, adapterOf, addLora, type Lora } from "../../../../passes/lora.ts";
import { readCheckpoint } from "../../../../training/checkpoint.ts";
import { evaluate } from "../../../../training/evaluate.ts";
import { mergeAdapters } from "../../../../training/lora/merge.ts";
import { readModel } from "../../../../training/model.ts";
import { openModel } from "../../../../training/open_model.ts";
import { createRandom } from "../../../../training/random.ts";
import { resumeTrainer } from "../../../../training/resume.ts";
import { closing, lossesOf, SMALL, smallOptions, smallTrainer, tiny, toyData } from "../support.ts";

const lora: Lora = { rank: 3, scale: 2, targets: ATTENTION_TARGETS, norms: true };
const everything: Lora = { ...lora, targets: [...ATTENTION_TARGETS, "w1", "w2", "w3"] };

function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-lora-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}

/** Values for every leaf of the small model; adapters are random too, so that none of them is idle. */
function leaves(params: ReturnType<typeof readModel>["graph"]["params"]) {
  const random = createRandom(11);
  const values = new Map<string, Tensor>();
  const ids = (from: number) =>
    tensor(
      [SMALL.S],
      Array.from({ length: SMALL.S }, (_, i) => (from + 3 * i) % 20),
    );
  values.set("tokens", ids(1));
  values.set("targets", ids(2));
  for (const param of params) {
    const shape = sizesOf(param.type.shape);
    const n = shape.reduce((a, b) => a * b, 1);
    const isNorm = shape.length === 1;
    const list = Array.from({ length: n }, () => (isNorm ? 1 : 0) + 0.4 * (random.drand48() - 0.5));
    values.set(leafName(param), tensor(shape, list));
  }
  return values;
}

test("gradients of adapters and norms agree with finite differences, and nothing else has one", () => {
  const { graph } = readModel({ source: tiny, overrides: { ...SMALL, V: 20 }, lora: everything });
  const trained = graph.params.filter(isTrained);
  expect(trained.every((p) => adapterOf(p) !== undefined || p.type.shape.length === 1)).toBe(true);
  expect(trained).toHaveLength(2 * 7 * SMALL.L + 2 * SMALL.L + 1);
  const values = leaves(graph.params);
  const derived = differentiate(graph);
  expect(derived.outputs.map((o) => o.name).slice(1)).toEqual(
    trained.map((p) => `grad.${leafName(p)}`),
  );
  const results = interpret(derived, values);
  const lossAt = (path: string, i: number, delta: number): number => {
    const own = values.get(path)!;
    const moved = own.data.slice();
    moved[i] = moved[i]! + delta;
    const { loss } = Object.fromEntries(
      interpret(graph, new Map([...values, [path, { ...own, data: moved }]])),
    );
    return loss!.data[0]!;
  };
  const h = 1e-5;
  for (const param of trained) {
    const path = leafName(param);
    const gradient = results.get(`grad.${path}`)!.data;
    for (const i of [0, Math.floor(gradient.length / 2), gradient.length - 1]) {
      const slope = (lossAt(path, i, h) - lossAt(path, i, -h)) / (2 * h);
      expect(Math.abs(gradient[i]! - slope)).toBeLessThan(1e-8 + 1e-6 * Math.abs(slope));
    }
  }
});

test("the split form, the merged form and merged weights have the same loss", () => {
  const choice = { source: tiny, overrides: { ...SMALL, V: 20 } };
  const { graph: plain } = readModel(choice);
  const split = addLora(plain, everything);
  const merged = addLora(plain, { ...everything, form: "merged" });
  const values = leaves(split.params);
  const lossOf = (graph: typeof plain): number => interpret(graph, values).get("loss")!.data[0]!;
  expect(lossOf(merged)).toBeCloseTo(lossOf(split), 12);
  expect(Math.abs(lossOf(plain) - lossOf(split))).toBeGreaterThan(1e-4);
});

test("a run with adapters changes only them and the norms, starts as the model, and learns", () => {
  const plain = smallTrainer();
  const trainer = smallTrainer({ steps: 200, lr: 2e-2 }, { lora });
  const before = trainer.validate();
  expect(before).toBe(plain.validate());
  const frozen = new Map(
    trainer.model.graph.params
      .filter((p) => !isTrained(p))
      .map((p) => [leafName(p), trainer.param(leafName(p)).slice()]),
  );
  lossesOf(trainer);
  expect(trainer.validate()).toBeLessThan(before - 0.02);
  for (const [path, values] of frozen) expect(trainer.param(path)).toEqual(values);
});

test("a checkpoint with adapters is resumed to the bit, and opened as merged weights of the same loss", async () => {
  const path = temporaryFile("run.ckpt");
  const whole = smallTrainer({ steps: 40, lr: 2e-2 }, { lora });
  const losses = lossesOf(whole);
  const first = smallTrainer({ steps: 40, lr: 2e-2 }, { lora });
  const early = Array.from({ length: 18 }, () => first.step().loss);
  first.save(path);
  const second = closing(
    resumeTrainer({ checkpoint: readCheckpoint(path), data: toyData(), device: { threads: 1 } }),
  );
  expect([...early, ...lossesOf(second)]).toEqual(losses);

  second.save(path);
  expect(readCheckpoint(path).model.lora).toEqual(lora);
  const { loss } = await evaluate(openModel(path), { data: toyData(), device: { threads: 1 } });
  expect(Math.abs(loss - second.validate())).toBeLessThan(1e-5);
});

test("merged weights are the weights once plus the adapter once, however often they are saved", () => {
  const path = temporaryFile("run.ckpt");
  const trainer = smallTrainer({ steps: 8, lr: 2e-2 }, { lora });
  lossesOf(trainer);
  trainer.save(path);
  const once = mergeAdapters(readCheckpoint(path));
  const again = closing(
    resumeTrainer({ checkpoint: readCheckpoint(path), data: toyData(), device: { threads: 1 } }),
  );
  again.save(path);
  const twice = mergeAdapters(readCheckpoint(path));
  expect(twice.tensors).toEqual(once.tensors);
  expect(mergeAdapters(once)).toBe(once);
  const weight = "block.0.attn.wq";
  const [w, a, b] = [weight, `${weight}.lora_a`, `${weight}.lora_b`].map((p) => trainer.param(p));
  const { rank, scale } = lora;
  const outputs = b!.length / rank;
  const sum = [0, 1, 2].reduce((s, r) => s + a![rank * 5 + r]! * b![r * outputs + 2]!, 0);
  const merged = new Float32Array(once.tensors.get(`param.${weight}`)!.data.slice().buffer);
  expect(merged[5 * outputs + 2]).toBe(Math.fround(w![5 * outputs + 2]! + scale * sum));
});

test("adapters of other names than the model's are refused", () => {
  const wrong = { ...lora, targets: ["query"] };
  expect(() => readModel({ ...smallOptions(), lora: wrong })).toThrow(
    "no weight called `query` that could have an adapter",
  );
});
