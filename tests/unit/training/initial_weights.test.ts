/** Runs that begin with the weights of a model. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { toFloat32 } from "../../../formats/tensor.ts";
import { type Checkpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import { evaluate } from "../../../training/evaluate.ts";
import { checkpointOf } from "../../../training/foreign_model.ts";
import { choiceFrom, trainFrom } from "../../../training/initial_weights.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { createTrainer } from "../../../training/trainer.ts";
import { rowOfId } from "../../../training/vocabulary.ts";
import { newFolder } from "../formats/hf_models.ts";
import { randomWeights, smallConfig } from "../formats/random_weights.ts";
import { closing, lossesOf, toyData, VOCABULARY } from "./support.ts";

const device = { threads: 1 };
const config = { ...smallConfig, vocabulary: VOCABULARY };

const untied = { ...config, tied: false, family: "qwen2" as const };

/** A model from elsewhere whose tokenizer is that of the toy data. */
function model(of = config): Checkpoint {
  const contents = checkpointOf(randomWeights(of, 5), { S: 8 });
  return { ...contents, path: "model", data: { ...contents.data, tokenizer: "toy" } };
}

function begin(initial: Checkpoint, compact: boolean) {
  const settings = { steps: 8, accum: 4, warmup: 1, valEvery: 0, compact };
  const data = { ...toyData(), vocabulary: VOCABULARY - 2 };
  return closing(
    trainFrom(initial, { ...choiceFrom(initial), data, dataName: "toy", settings, device }),
  );
}

test.each([
  ["tied", config],
  ["untied, with biases", untied],
])("the first loss is that of the model (%s)", async (_name, of) => {
  const initial = model(of);
  const { loss } = await evaluate(initial, { data: toyData(), device });
  const trainer = begin(initial, false);
  expect(trainer.vocabulary.size).toBe(VOCABULARY);
  expect(trainer.validate()).toBe(loss);
});

test("a compacted vocabulary has the rows of its ids", () => {
  const initial = model();
  const trainer = begin(initial, true);
  const active = [...trainer.vocabulary.active!];
  const whole = toFloat32(initial.tensors.get("param.embed.weight")!);
  const own = trainer.param("embed.weight");
  for (const [row, id] of active.entries()) {
    expect([...own.subarray(row * 16, row * 16 + 16)]).toEqual([
      ...whole.subarray(id * 16, id * 16 + 16),
    ]);
  }
});

test("checkpoints of the run keep where the model came from, resumed ones too", () => {
  const initial = model();
  const trainer = begin(initial, false);
  lossesOf(trainer);
  const path = join(newFolder(), "run.ckpt");
  trainer.save(path);
  const checkpoint = readCheckpoint(path);
  expect(checkpoint.origin).toEqual(initial.origin);
  const data = { ...toyData(), vocabulary: VOCABULARY - 2 };
  const resumed = closing(resumeTrainer({ checkpoint, data, settings: { steps: 12 }, device }));
  lossesOf(resumed);
  resumed.save(path);
  expect(readCheckpoint(path).origin).toEqual(initial.origin);
});

test("weights of another model, and data of another tokenizer, are refused", () => {
  const initial = model();
  const codeOf = (work: () => unknown): string => {
    try {
      work();
      return "none";
    } catch (error) {
      return error instanceof UserError ? error.diagnostics[0]!.code : String(error);
    }
  };
  const wider = choiceFrom(model({ ...config, hidden: 32 }));
  const data = toyData();
  expect(codeOf(() => trainFrom(initial, { ...wider, data, dataName: "toy", device }))).toBe(
    "E0727",
  );
  const biased = choiceFrom(model(untied));
  expect(codeOf(() => trainFrom(initial, { ...biased, data, dataName: "toy", device }))).toMatch(
    /^E072[68]$/,
  );
  const other = { ...data, tokenizer: "bytes" };
  const own = choiceFrom(initial);
  expect(codeOf(() => trainFrom(initial, { ...own, data: other, dataName: "toy", device }))).toBe(
    "E0832",
  );
});

/** An untied head of [D, V], a bias, a table of pairs and a dimension of two factors, where D may be as long as V. */
const text = `dims S = 8, D = 16, V = 40
model m(tokens: i32[S]) -> [S, V] {
  param head: [D, V]
  param bias: [V]
  param pairs: [V, V]
  param wide: [D, V*2]
  x = rms_norm(embed(tokens))
  return x @ head + bias + x @ head @ pairs + x @ wide @ wide' @ head
}
train m(tokens: i32[S], targets: i32[S]) { loss cross_entropy(m(tokens), targets) }`;

/** Toy data with other ids in its training split: `keep` says which. */
function dataOf(keep: (id: number) => boolean) {
  const data = toyData();
  return { ...data, tokens: data.tokens.map((id) => (keep(id) ? id : 3)) };
}

test.each([
  ["with as many ids", 16, (id: number) => id % 3 !== 1 || id === 1],
  ["with fewer ids", 16, (id: number) => id < 12 || id > 25],
  ["with as many ids, and D as long as V", 22, (id: number) => id % 3 !== 1 || id === 1],
])("every axis of the vocabulary follows its ids to other data: %s", (_name, D, keep) => {
  const source = { path: "m.ane", text };
  const settings = { steps: 8, accum: 4, warmup: 1, valEvery: 0 };
  const first = dataOf((id) => id % 3 !== 0);
  const own = { source, overrides: { D }, data: first, dataName: "first", settings, device };
  const trainer = closing(createTrainer(own));
  lossesOf(trainer);
  const path = join(newFolder(), "own.ckpt");
  trainer.save(path);
  const initial = readCheckpoint(path);
  const choice = { ...choiceFrom(initial), data: dataOf(keep), dataName: "other" };
  const moved = closing(trainFrom(initial, { ...choice, settings, device }));

  const [before, after] = [initial.vocabulary, moved.vocabulary];
  const [V, W] = [before.size, after.size];
  const rowOf = rowOfId(before)!;
  // The spare row is that of the lowest id without one.
  const spare = Array.from({ length: W }, (_, id) => id).find((id) => !after.active!.includes(id))!;
  const from = [...after.active!, spare].map(rowOf);
  const was = (name: string): Float32Array => toFloat32(initial.tensors.get(`param.${name}`)!);
  const is = (name: string): Float32Array => moved.param(name);
  for (const [row, r] of from.entries()) {
    expect(is("bias")[row]).toBe(was("bias")[r]);
    for (let d = 0; d < D; d++) {
      expect(is("embed.weight")[row * D + d]).toBe(was("embed.weight")[r * D + d]);
      expect(is("head")[d * W + row]).toBe(was("head")[d * V + r]);
      for (const k of [0, 1]) {
        expect(is("wide")[d * 2 * W + row * 2 + k]).toBe(was("wide")[d * 2 * V + r * 2 + k]);
      }
    }
    for (const [column, c] of from.entries()) {
      expect(is("pairs")[row * W + column]).toBe(was("pairs")[r * V + c]);
    }
  }
});
