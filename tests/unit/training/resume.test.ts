/** A run that is resumed goes on bit for bit as if it had never stopped. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { loadModel } from "../../../dsl/index.ts";
import { readCheckpoint } from "../../../training/checkpoint.ts";
import { createRandom } from "../../../training/random.ts";
import { type ResumeOptions, resumeTrainer } from "../../../training/resume.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, lossesOf, SMALL, smallTrainer, tiny, toyData } from "./support.ts";

const resume = (path: string, more: Partial<ResumeOptions> = {}) =>
  closing(
    resumeTrainer({
      checkpoint: readCheckpoint(path),
      data: toyData(),
      device: { threads: 1 },
      ...more,
    }),
  );

const cuts = createRandom(11);

// Inside a group, at its end, at the start, at the end.
test.each([0, 4, 20, ...Array.from({ length: 5 }, () => 1 + cuts.uniformIndex(19))])(
  "stopped after micro-step %i",
  (cut) => {
    const folder = testFolder();
    const whole = smallTrainer();
    const losses = lossesOf(whole);
    whole.validate({ record: true });
    whole.save(join(folder, "whole.ckpt"));

    const first = smallTrainer();
    const seen: number[] = [];
    for (let i = 0; i < cut; i++) seen.push(first.step().loss);
    first.save(join(folder, "cut.ckpt"));
    const second = resume(join(folder, "cut.ckpt"));
    expect(second.state).toEqual(first.state);
    expect([...seen, ...lossesOf(second)]).toEqual(losses);
    second.validate({ record: true });
    second.save(join(folder, "resumed.ckpt"));
    expect(readFileSync(join(folder, "resumed.ckpt"))).toEqual(
      readFileSync(join(folder, "whole.ckpt")),
    );
  },
);

test("a checkpoint read and written again is the same file", () => {
  const folder = testFolder();
  const trainer = smallTrainer();
  for (let i = 0; i < 6; i++) trainer.step();
  trainer.save(join(folder, "a.ckpt"));
  resume(join(folder, "a.ckpt")).save(join(folder, "b.ckpt"));
  expect(readFileSync(join(folder, "b.ckpt"))).toEqual(readFileSync(join(folder, "a.ckpt")));
});

test("a loss that is not a number goes back to the last update also in a resumed run", async () => {
  const path = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer();
  for (let i = 0; i < 6; i++) trainer.step();
  trainer.save(path);
  const resumed = resume(path);
  const norm = resumed.param("norm.weight");
  const kept = norm[0]!;
  norm[0] = Number.NaN;
  expect(await errorOf(() => resumed.step())).toBe("E0902 the loss of step 7 is not a number");
  norm[0] = kept;
  expect(lossesOf(resumed)).toEqual(lossesOf(smallTrainer()).slice(4));
});

/** A checkpoint of a small run after six micro-steps. */
function saved(): string {
  const path = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer();
  for (let i = 0; i < 6; i++) trainer.step();
  trainer.save(path);
  return path;
}

test("what may change in a resumed run, and what may not", async () => {
  const path = saved();
  const longer = resume(path, { settings: { steps: 40, lr: 1, seed: 42 } });
  expect(longer.settings).toMatchObject({ steps: 40, lr: 1, accum: 4 });
  const refused = (settings: ResumeOptions["settings"] & object) =>
    errorOf(() => resume(path, { settings }));
  expect(await refused({ seed: 7 })).toBe(
    "E0729 `--seed 7` contradicts the checkpoint, which was made with 42",
  );
  expect(await refused({ accum: 5 })).toBe(
    "E0729 `--accum 5` contradicts the checkpoint, which was made with 4",
  );
  expect(await refused({ compat: "autoane" })).toBe(
    "E0729 `--compat autoane` contradicts the checkpoint, which was made without it",
  );
  expect(await refused({ lr: -1 })).toBe(
    "E0901 `--lr` is -1, but it must be a number above 0, at most 1000",
  );
});

test("a run that is complete has nothing left to do", () => {
  const path = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer();
  lossesOf(trainer);
  trainer.save(path);
  expect(resume(path).done).toBe(true);
  expect(resume(path, { settings: { steps: 21 } }).done).toBe(false);
});

test("fewer steps than are done are refused, as many are not", async () => {
  const path = saved();
  expect(await rendered(() => resume(path, { settings: { steps: 5 } }), path)).toBe(
    [
      "error[E0731]: the checkpoint `a.ckpt` is at step 6, already past `--steps 5`",
      "",
      "  `--steps` counts from the start of the run; what the checkpoint has done is",
      "  part of it.",
      "",
      "  help: give more than 6 steps, or generate with the checkpoint as it is",
    ].join("\n"),
  );
  expect(resume(path, { settings: { steps: 6 } }).done).toBe(true);
});

async function rendered(work: () => unknown, path: string): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UserError)
      return renderDiagnostics(error.diagnostics).replaceAll(path, "a.ckpt");
    throw error;
  }
  return "no error";
}

test("other data", async () => {
  const path = saved();
  expect(await rendered(() => resume(path, { data: toyData(3000) }), path)).toBe(
    [
      "error[E0730]: `toy` is not the data of the checkpoint",
      "",
      "  It has 3,000 tokens; `toy` had 2,000.",
      "",
      "  help: give the data of the first run, or start a new run without `--resume`",
    ].join("\n"),
  );
  const data = toyData(2000, 4);
  expect(await rendered(() => resume(path, { data, dataName: "mine" }), path)).toContain(
    "Both have 2,000 tokens, but not the same ones as `toy` had.",
  );
});

test("the same model may be given again", () => {
  const path = saved();
  expect(resume(path, { source: tiny, overrides: SMALL }).state.step).toBe(6);
  expect(resume(path, { source: tiny, overrides: { ...SMALL, V: 40 } }).state.step).toBe(6);
});

test("a checkpoint of another model", async () => {
  const path = saved();
  const source = loadModel("stories110m");
  expect(await rendered(() => resume(path, { source }), path)).toBe(
    [
      "error[E0725]: the checkpoint `a.ckpt` is of model `tiny`, not of `stories110m`",
      "",
      "  differs S 8 in the checkpoint, 256 given",
      "         D 16 in the checkpoint, 768 given",
      "         H 2 in the checkpoint, 12 given",
      "         K 1 in the checkpoint, 12 given",
      "         E 8 in the checkpoint, 64 given",
      "         F 24 in the checkpoint, 2048 given",
      "         L 2 in the checkpoint, 12 given",
      "         residual_scale 0.5 in the checkpoint, 0.20412414523193154 given",
      "         parameter embed.weight [V 31, D 16] in the checkpoint, [V 31, D 768] given",
      "         parameter block.0.attn_norm.weight [D 16] in the checkpoint, [D 768] given",
      "         parameter block.0.attn.wq [D 16, H*E 16] in the checkpoint, [D 768, H*E 768] given",
      "         parameter block.0.attn.wk [D 16, K*E 8] in the checkpoint, [D 768, K*E 768] given",
      "         and 106 more",
      "  help: leave out `--model`: the checkpoint holds its own",
    ].join("\n"),
  );
});

test("another model of the same name", async () => {
  const path = saved();
  const text = tiny.text.replace("block(x)", "block(silu(x))");
  expect(
    await rendered(() => resume(path, { source: { ...tiny, text }, overrides: SMALL }), path),
  ).toBe(
    [
      "error[E0725]: the checkpoint `a.ckpt` is of another `tiny` than the one given",
      "",
      "  Dimensions and parameters agree, but the equations differ.",
      "",
      "  help: leave out `--model`: the checkpoint holds its own",
    ].join("\n"),
  );
  const overrides = { ...SMALL, rope_theta: 500, V: 50 };
  expect(await rendered(() => resume(path, { source: tiny, overrides }), path)).toContain(
    [
      "  differs V 40 in the checkpoint, 50 given",
      "         rope_theta 10000 in the checkpoint, 500 given",
    ].join("\n"),
  );
});
