/** A run from start to end: events, time, stopping, saving. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskFileSystem } from "../../../compiler/support/atomic_write.ts";
import { readCheckpoint } from "../../../training/checkpoint.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { type RunOptions, startRun, type TrainEvent } from "../../../training/run.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, smallTrainer, toyData } from "./support.ts";

/** Events of a run as short texts. */
function recorded(options: RunOptions) {
  const events: TrainEvent[] = [];
  const run = startRun({ ...options, onEvent: (event) => events.push(event) });
  const texts = () =>
    events.map((e) => {
      if (e.kind === "step")
        return e.update === undefined
          ? `step ${e.step}`
          : `step ${e.step} update ${e.update.update}`;
      if (e.kind === "validation")
        return `validation ${e.step}${e.isFinal ? " final" : ""}${e.isBest ? " best" : ""}`;
      return e.kind === "end" ? `end ${e.step} ${e.reason}` : `${e.kind} ${e.step}`;
    });
  return { run, texts, events };
}

test("steps, updates, validations and checkpoints in order", async () => {
  const out = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer({ steps: 5, accum: 2, valEvery: 2, lr: 0.01 });
  const { run, texts, events } = recorded({ trainer, out, saveEvery: 3 });
  const result = await run.finished;
  const withoutBest = texts().map((t) => t.replace(" best", ""));
  expect(withoutBest).toEqual([
    ...["validation 0", "step 1", "step 2 update 1", "validation 2", "step 3", "saved 3"],
    ...["step 4 update 2", "validation 4", "step 5 update 3"],
    ...["validation 5 final", "saved 5", "end 5 steps"],
  ]);
  expect(result).toMatchObject({ reason: "steps", steps: 5, loss: trainer.state.lastLoss });
  const validations = events.flatMap((e) => (e.kind === "validation" ? [e.loss] : []));
  expect(result.validationLoss).toBe(validations[3]);
  const { last, best } = readCheckpoint(out).state.validation;
  expect(last).toEqual({ step: 5, loss: validations[3] });
  expect(best?.loss).toBe(Math.min(...validations));
  const [first] = events.filter((e) => e.kind === "step");
  expect(first).toMatchObject({ tokens: 8, bitsPerByte: trainer.bitsPerByte(first!.loss) });
});

test("a run whose time is up applies the open group, validates and saves", async () => {
  const out = join(testFolder(), "a.ckpt");
  let clock = 0;
  const trainer = smallTrainer({ steps: null, accum: 4, warmup: 0 });
  const { run, texts } = recorded({ trainer, out, time: 2, now: () => (clock += 300) });
  expect(await run.finished).toMatchObject({ reason: "time", steps: 6 });
  expect(texts().slice(-4)).toEqual(["step 6", "validation 6 final best", "saved 6", "end 6 time"]);
  expect(readCheckpoint(out).state).toMatchObject({ step: 6, updates: 2, group: { count: 0 } });
  expect(trainer.lr).toBe(4e-4);
});

test("a run that is stopped saves the open group and goes on bit for bit", async () => {
  const folder = testFolder();
  const [whole, out] = [join(folder, "whole.ckpt"), join(folder, "a.ckpt")];
  const settings = { steps: 14, accum: 4, valEvery: 5 };
  await startRun({ trainer: smallTrainer(settings), out: whole }).finished;

  for (const stopAfter of [0, 2, 5, 7, 13]) {
    const first = startRun({
      trainer: smallTrainer(settings),
      out,
      onEvent: (event) => {
        if (event.kind === "step" && event.step === stopAfter) first.requestStop();
      },
    });
    if (stopAfter === 0) first.requestStop();
    expect(await first.finished).toMatchObject({ reason: "stopped", steps: stopAfter });
    const trainer = closing(resumeTrainer({ checkpoint: readCheckpoint(out), data: toyData() }));
    const second = await startRun({ trainer, out }).finished;
    expect(second).toMatchObject({ reason: "steps", steps: 14 - stopAfter });
    expect(readFileSync(out)).toEqual(readFileSync(whole));
  }
});

test("a complete run that is resumed changes nothing", async () => {
  const out = join(testFolder(), "a.ckpt");
  const first = await startRun({ trainer: smallTrainer({ steps: 6 }), out }).finished;
  const before = readFileSync(out);
  const trainer = closing(resumeTrainer({ checkpoint: readCheckpoint(out), data: toyData() }));
  const { run, texts } = recorded({ trainer, out });
  expect(await run.finished).toEqual({ ...first, steps: 0 });
  expect(texts()).toEqual(["end 6 steps"]);
  expect(readFileSync(out)).toEqual(before);
});

test("a complete run that is resumed with other settings leaves its checkpoint as it is", async () => {
  const folder = testFolder();
  const [out, copy] = [join(folder, "a.ckpt"), join(folder, "b.ckpt")];
  await startRun({ trainer: smallTrainer({ steps: 6 }), out }).finished;
  const before = readFileSync(out);
  const checkpoint = readCheckpoint(out);
  const again = () =>
    closing(resumeTrainer({ checkpoint, data: toyData(), settings: { lr: 0.5, steps: 6 } }));
  await startRun({ trainer: again(), out }).finished;
  expect(readFileSync(out)).toEqual(before);
  // Another file is written all the same.
  await startRun({ trainer: again(), out: copy }).finished;
  expect(readCheckpoint(copy).state).toEqual(checkpoint.state);
});

const fullFor = (saves: number) => {
  let opened = 0;
  return {
    ...diskFileSystem,
    open: (path: string, flags: string, mode: number) => {
      if (flags === "wx") opened += 1;
      return diskFileSystem.open(path, flags, mode);
    },
    write: (file: number, bytes: Uint8Array): number => {
      if (opened > saves) return diskFileSystem.write(file, bytes);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), {
        code: "ENOSPC",
        syscall: "write",
      });
    },
  };
};

test("a disk that is full for a while does not end the run", async () => {
  const out = join(testFolder(), "a.ckpt");
  const { run, texts, events } = recorded({
    trainer: smallTrainer({ steps: 5 }),
    out,
    saveEvery: 2,
    disk: fullFor(1),
  });
  await run.finished;
  expect(texts().filter((t) => t.startsWith("save"))).toEqual([
    "save_failed 2",
    "saved 4",
    "saved 5",
  ]);
  const failed = events.find((e) => e.kind === "save_failed");
  expect(failed?.diagnostics[0]?.title).toBe(`the disk is full: cannot write \`${out}\``);
});

test("a disk that is full at the end is an error, and leaves nothing behind", async () => {
  const out = join(testFolder(), "a.ckpt");
  const run = startRun({ trainer: smallTrainer({ steps: 3 }), out, disk: fullFor(9) });
  expect(await errorOf(() => run.finished)).toBe(`E0701 the disk is full: cannot write \`${out}\``);
  expect(existsSync(out)).toBe(false);
});

test("a path that cannot be written is refused before the run", async () => {
  const folder = testFolder();
  const start = (out: string) => errorOf(() => startRun({ trainer: smallTrainer(), out }));
  expect(await start(join(folder, "no", "a.ckpt"))).toBe(
    `E0705 cannot write \`${join(folder, "no", "a.ckpt")}\`: its folder does not exist`,
  );
  mkdirSync(join(folder, "b"));
  expect(await start(join(folder, "b"))).toBe(
    `E0704 cannot write \`${join(folder, "b")}\`: it is a folder`,
  );
});

test("bad options of a run", async () => {
  const start = (more: Partial<RunOptions>) =>
    errorOf(() => startRun({ trainer: smallTrainer(), ...more }));
  expect(await start({ time: 0 })).toBe(
    "E0901 `--time` is 0, but it must be a number of seconds above 0",
  );
  expect(await start({ saveEvery: -1 })).toBe(
    "E0901 `--save-every` is -1, but it must be a whole number from 0",
  );
});

test("a loss that is not a number ends the run with its message", async () => {
  const trainer = smallTrainer();
  trainer.param("norm.weight")[0] = Number.NaN;
  const out = join(testFolder(), "a.ckpt");
  expect(await errorOf(() => startRun({ trainer, out }).finished)).toBe(
    "E0902 the loss of step 1 is not a number",
  );
  expect(existsSync(out)).toBe(false);
});
