/** What a run refuses before it begins. */
import { expect, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import {
  completeSettings,
  defaultSettings,
  type TrainSettings,
} from "../../../training/options.ts";
import { errorOf } from "../data/support.ts";
import { smallTrainer, toyData } from "./support.ts";

test("the defaults are complete", () => {
  expect(completeSettings()).toEqual(defaultSettings);
  expect(completeSettings({ lr: 1 })).toEqual({ ...defaultSettings, lr: 1 });
});

test.each<[Partial<TrainSettings>, string]>([
  [{ steps: 0 }, "`--steps` is 0, but it must be a whole number from 1"],
  [{ steps: 1.5 }, "`--steps` is 1.5, but it must be a whole number from 1"],
  [{ accum: -1 }, "`--accum` is -1, but it must be a whole number from 1"],
  [{ lr: 0 }, "`--lr` is 0, but it must be a number above 0, at most 1000"],
  [{ lr: Number.NaN }, "`--lr` is NaN, but it must be a number above 0, at most 1000"],
  [{ warmup: -3 }, "`--warmup` is -3, but it must be a whole number from 0"],
  [{ clip: Infinity }, "`--clip` is Infinity, but it must be a number from 0"],
  [{ wd: -0.1 }, "`--wd` is -0.1, but it must be a number from 0 to 1000"],
  [{ beta1: 1 }, "`--beta1` is 1, but it must be a number from 0 to below 1"],
  [{ beta2: -1 }, "`--beta2` is -1, but it must be a number from 0 to below 1"],
  [{ seed: 2 ** 32 }, "`--seed` is 4294967296, but it must be a whole number from 0 to 4294967295"],
  [{ valEvery: 0.5 }, "`--val-every` is 0.5, but it must be a whole number from 0"],
])("refuses %j", async (settings, title) => {
  expect(await errorOf(() => completeSettings(settings))).toBe(`E0901 ${title}`);
});

test("all mistakes are reported at once", () => {
  try {
    completeSettings({ lr: -1, clip: -1 });
    expect.unreachable();
  } catch (error) {
    expect((error as UserError).diagnostics.map((d) => d.code)).toEqual(["E0901", "E0901"]);
  }
});

const source = (text: string) => ({ path: "m.ane", text });

async function rendered(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UserError) return renderDiagnostics(error.diagnostics);
    throw error;
  }
  return "no error";
}

test("a file without a train", async () => {
  const text = "dims S = 8\nmodel m(x: [S]) -> [S] { return x }\n";
  expect(await rendered(() => smallTrainer({}, { source: source(text), overrides: {} }))).toBe(
    [
      "error[E0904]: `m.ane` has no `train`",
      "",
      "  help: add `train NAME(tokens: i32[S], targets: i32[S]) { loss … }`",
    ].join("\n"),
  );
});

test("a train of another name", async () => {
  expect(await rendered(() => smallTrainer({}, { entry: "tinny" }))).toBe(
    [
      "error[E0904]: `dsl/models/tiny.ane` has no `train` named `tinny`",
      "",
      "  It has `tiny`.",
      "",
      "  help: did you mean `tiny`?",
    ].join("\n"),
  );
});

const PAIR = `dims S = 8, V = 9, D = 4
model m(tokens: i32[S]) -> [S, V] { x = embed(tokens)
  return x @ embed.weight' }
train a(tokens: i32[S], targets: i32[S]) { loss cross_entropy(m(tokens), targets) }
train b(tokens: i32[S], targets: i32[S]) { loss cross_entropy(m(tokens), targets) }
`;

test("several trains, and none chosen", async () => {
  expect(await rendered(() => smallTrainer({}, { source: source(PAIR), overrides: {} }))).toBe(
    [
      "error[E0905]: `m.ane` has several `train`s: `a` and `b`",
      "",
      "  help: choose one with `--entry a`",
    ].join("\n"),
  );
  expect(smallTrainer({}, { source: source(PAIR), overrides: {}, entry: "b" }).model.entry).toBe(
    "b",
  );
});

test("a train that takes something else", async () => {
  const text = "dims S = 8\ntrain t(x: [S], y: [S]) { loss mean(x * y) }\n";
  const found = await rendered(() => smallTrainer({}, { source: source(text), overrides: {} }));
  expect(found).toContain(
    "error[E0906]: `train t` takes `x: [S]`, `y: [S]`; training on text needs two equal rows of ids",
  );
});

test("ids beyond a vocabulary that the user set", async () => {
  const overrides = { S: 8, V: 20 };
  expect(await errorOf(() => smallTrainer({}, { overrides }))).toBe(
    "E0805 token 3 of `toy` is 21, but the vocabulary ends at 19",
  );
});

test("a vocabulary without a name that is too small for the data", async () => {
  const text = `dims S = 8, D = 4
model m(tokens: i32[S]) -> [S, 30] {
  param w: [30, D]
  return embedding(w, tokens) @ w'
}
train m(tokens: i32[S], targets: i32[S]) { loss cross_entropy(m(tokens), targets) }
`;
  expect(await errorOf(() => smallTrainer({}, { source: source(text), overrides: {} }))).toBe(
    "E0908 the data has a vocabulary of 40, but the embedding has 30 rows",
  );
});

test("data that is shorter than a window", async () => {
  expect(await errorOf(() => smallTrainer({}, { overrides: { ...SHORT } }))).toBe(
    "E0806 `toy` has 200 tokens for validation; sequences of 500 need 502",
  );
});
const SHORT = { S: 500, D: 16, H: 2, K: 1, E: 8, F: 24, L: 1 };

test("the data's vocabulary sets that of the model, and is compacted", () => {
  const trainer = smallTrainer();
  expect(trainer.vocabulary).toMatchObject({ dim: "V", full: 40, size: 31 });
  expect([...trainer.vocabulary.active!]).toEqual(Array.from({ length: 30 }, (_, i) => i));
  expect(trainer.param("embed.weight").length).toBe(31 * 16);
  expect(smallTrainer({ compact: false }).vocabulary).toEqual({
    ...{ dim: "V", full: 40, size: 40, active: null },
  });
});

test("a bare token file has the vocabulary of the model", () => {
  const { bytesPerToken: _b, tokenizer: _t, ...rest } = toyData();
  const data = { ...rest, bytesPerToken: undefined, tokenizer: undefined };
  expect(smallTrainer({}, { data }).vocabulary).toMatchObject({ full: 512, size: 31 });
});
