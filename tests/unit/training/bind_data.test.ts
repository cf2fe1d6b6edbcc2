/** Runs that went to BLZT and came back go on where they were. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readBlzt, writeBlzt } from "../../../formats/blzt.ts";
import { writeFileBytes } from "../../../formats/files.ts";
import { encodeCheckpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import { evaluate } from "../../../training/evaluate.ts";
import { checkpointOf, weightsOf } from "../../../training/foreign_model.ts";
import type { TrainSettings } from "../../../training/options.ts";
import { type ResumeOptions, resumeTrainer } from "../../../training/resume.ts";
import { userError } from "../../support/user_error.ts";
import { newFolder } from "../formats/hf_models.ts";
import { closing, lossesOf, SMALL, smallTrainer, toyData, VOCABULARY } from "./support.ts";

const device = { threads: 1 };
const data = { ...toyData(), tokenizer: undefined };
const settings = { steps: 40, accum: 4, warmup: 2, valEvery: 0, seed: 7, lr: 2e-3 };
const overrides = { ...SMALL, V: VOCABULARY };

/** A run, and a checkpoint of its first 20 micro-steps on the way through BLZT. */
function converted(more: Partial<TrainSettings> = {}) {
  const run = smallTrainer({ ...settings, ...more }, { data, overrides });
  const folder = newFolder();
  for (let i = 0; i < 20; i++) run.step();
  run.save(join(folder, "run.ckpt"));
  const blzt = join(folder, "run.bin");
  writeBlzt(blzt, weightsOf(readCheckpoint(join(folder, "run.ckpt")), { expand: true }));
  const path = join(folder, "back.ckpt");
  writeFileBytes(path, encodeCheckpoint(checkpointOf(readBlzt(blzt))));
  return { folder, run, path };
}

const resume = (path: string, more: Partial<ResumeOptions> = {}) =>
  closing(resumeTrainer({ checkpoint: readCheckpoint(path), data, device, ...more }));

test("losses of a resumed run are those of the run itself", () => {
  const { folder, run, path } = converted({ compact: false });
  const { accum, warmup, valEvery, seed } = settings;
  const given = { accum, warmup, valEvery, seed, compact: false };
  const second = resume(path, { settings: given, dataName: "toy.bin" });
  expect(second.bindsData).toBe(true);
  expect(second.settings).toMatchObject({ steps: 40, seed: 7, compact: false, lr: 2e-3 });
  expect(second.state).toMatchObject({ step: 20, updates: 5 });
  expect(second.model.S).toBe(SMALL.S);
  for (let i = 0; i < 10; i++) expect(second.step().loss).toBeCloseTo(run.step().loss, 5);

  // From here on it is a run like any other.
  second.save(join(folder, "bound.ckpt"));
  const third = resume(join(folder, "bound.ckpt"));
  expect(third.bindsData).toBe(false);
  const rest = lossesOf(run);
  for (const [i, loss] of lossesOf(third).entries()) expect(loss).toBeCloseTo(rest[i]!, 5);
  expect(rest).toHaveLength(10);
  const other = { ...data, tokens: data.tokens.map((id) => (id === 0 ? 1 : id)) };
  expect(userError(() => resume(join(folder, "bound.ckpt"), { data: other }))).toMatch(/^E0730/);
});

test("a run of some ids has its rows again, and the loss over the ids of its data", async () => {
  const { run, path } = converted();
  const { accum, seed } = settings;
  const second = resume(path, { settings: { accum, seed, valEvery: 0 } });
  expect(second.vocabulary).toEqual(run.vocabulary);
  // All but the spare row, for which the file has none.
  const rows = run.vocabulary.size - 1;
  const kept = (values: Float32Array) => values.slice(0, rows * SMALL.D);
  expect(kept(second.param("embed.weight"))).toEqual(kept(run.param("embed.weight")));
  const own = await evaluate(readCheckpoint(path), { data, ids: trainingPart(), device });
  expect(second.validate()).toBeCloseTo(own.loss, 1);
  expect(second.step().loss).toBeCloseTo(run.step().loss, 1);
});

const trainingPart = () => ({ ...data, tokens: data.tokens.subarray(0, data.trainTokens) });

test("what cannot be resumed is refused", () => {
  const { folder, path } = converted({ compact: false });
  const saved = readCheckpoint(path);
  const bare = new Map([...saved.tensors].filter(([name]) => name.startsWith("param.")));
  const weights = join(folder, "weights.ckpt");
  writeFileBytes(weights, encodeCheckpoint({ ...saved, tensors: bare }));
  expect(userError(() => resume(weights))).toMatch(/^E0739 .*holds no moments/);
  expect(userError(() => resume(path, { settings: { steps: 10 } }))).toMatch(/^E0731/);
  expect(userError(() => resume(path, { settings: { optimizer: "lion" } }))).toMatch(/^E0729/);
  const wide = { ...data, tokens: data.tokens.map((id) => id + VOCABULARY) };
  expect(userError(() => resume(path, { data: wide }))).toMatch(/^E0805/);
});
