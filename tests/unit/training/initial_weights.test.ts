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
