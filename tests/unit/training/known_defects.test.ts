/**
 * Defects of the trainers before this one that concern the loop, the optimizer, the schedule, flags and resuming,
 * by their numbers in `reference/training.md` §12.1: each is shown not to be here.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCheckpoint } from "../../../training/checkpoint.ts";
import type { TrainSettings } from "../../../training/options.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { startRun } from "../../../training/run.ts";
import { anec } from "../../e2e/cli_support.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, lossesOf, smallTrainer, toyData } from "./support.ts";

interface Defect {
  readonly number: string;
  readonly what: string;
  /** Fails where the defect is. */
  readonly isAbsent: () => Promise<void>;
}

const defects: readonly Defect[] = [
  {
    number: "8",
    what: "a checkpoint that cannot be read is replaced by a new run, in silence",
    isAbsent: async () => {
      const out = join(testFolder(), "new.ckpt");
      const { code, err } = await anec(["train", "--resume", "no-such.ckpt", "--out", out]);
      expect(code).not.toBe(0);
      expect(err).toContain("no-such.ckpt");
      expect(existsSync(out)).toBe(false);
    },
  },
  {
    number: "12",
    what: "a checkpoint is written only if the loss of the last window is the lowest, at multiples of 100",
    isAbsent: async () => {
      const out = join(testFolder(), "a.ckpt");
      const trainer = smallTrainer({ steps: 5, accum: 2, lr: 100, warmup: 0 });
      await startRun({ trainer, out }).finished;
      expect(readCheckpoint(out).state).toMatchObject({ step: 5, updates: 3 });
    },
  },
  {
    number: "13",
    what: "the group that is open when the time is up is dropped",
    isAbsent: async () => {
      const trainer = smallTrainer({ steps: null, accum: 4 });
      const now = (): number => (trainer.state.step < 6 ? 0 : 2000);
      const { reason } = await startRun({ trainer, time: 1, now }).finished;
      expect(reason).toBe("time");
      expect(trainer.state).toMatchObject({ step: 6, updates: 2, group: { count: 0 } });
    },
  },
  {
    number: "14",
    what: "ids of the validation split get rows, and rows that training never sees decay each by themselves",
    isAbsent: async () => {
      const { vocabulary } = smallTrainer();
      // The ten ids above 29 are in the validation split alone, and share one row.
      expect(vocabulary).toMatchObject({ full: 40, size: 31 });
      expect(Math.max(...vocabulary.active!)).toBe(29);
    },
  },
  {
    number: "15",
    what: "validation windows change from one evaluation to the next",
    isAbsent: async () => {
      const trainer = smallTrainer({ accum: 4 });
      const first = trainer.validate();
      // No update yet, so that only other windows could change the loss.
      for (let i = 0; i < 3; i++) {
        trainer.step();
        expect(trainer.validate()).toBe(first);
      }
    },
  },
  {
    number: "16",
    what: "hyper-parameters are accepted and never reach the optimizer",
    isAbsent: async () => {
      const run = (given: Partial<TrainSettings>) =>
        lossesOf(smallTrainer({ steps: 9, accum: 2, lr: 0.01, warmup: 1, clip: 0, ...given }));
      const plain = run({});
      const changes: Partial<TrainSettings>[] = [
        ...[{ lr: 0.02 }, { wd: 3 }, { beta1: 0.5 }, { beta2: 0.5 }, { clip: 0.01 }, { warmup: 3 }],
        ...[{ minLr: 0.9 }, { schedule: "constant" }, { optimizer: "sgd" }, { lrEmbed: 3 }],
        ...[{ lrMatrix: 3 }, { lrNorm: 3 }, { wdEmbed: 50 }, { wdNorm: 50 }, { accum: 3 }],
      ];
      for (const change of changes) expect(run(change), JSON.stringify(change)).not.toEqual(plain);
    },
  },
  {
    number: "20",
    what: "unknown flags are ignored",
    isAbsent: async () => {
      const { code, err } = await anec(["train", "--model", "tiny", "--val-evry", "5"]);
      expect(code).toBe(2);
      expect(err).toContain("--val-evry");
    },
  },
  {
    number: "26",
    what: "a checkpoint that was cut off is read as if it were whole",
    isAbsent: async () => {
      const [path, cut] = ["a.ckpt", "cut.ckpt"].map((name) => join(testFolder(), name));
      const trainer = smallTrainer();
      trainer.save(path!);
      const bytes = readFileSync(path!);
      for (const part of [0.01, 0.5, 0.99]) {
        writeFileSync(cut!, bytes.subarray(0, Math.floor(bytes.length * part)));
        expect(await errorOf(() => readCheckpoint(cut!))).toMatch(/^E07/);
      }
    },
  },
  {
    number: "fiale (§5.6)",
    what: "a resumed run has the rate and length of its checkpoint, whatever was given",
    isAbsent: async () => {
      const path = join(testFolder(), "a.ckpt");
      const trainer = smallTrainer();
      for (let i = 0; i < 4; i++) trainer.step();
      trainer.save(path);
      const settings = { lr: 0.5, steps: 8, schedule: "constant" };
      const resumed = closing(
        resumeTrainer({ checkpoint: readCheckpoint(path), data: toyData(), settings }),
      );
      // The second update of two of warm-up.
      expect(resumed.lr).toBe(0.5);
      lossesOf(resumed);
      expect(resumed.state.step).toBe(8);
    },
  },
];

test.each(defects)("$number is not here: $what", async ({ isAbsent }) => {
  await isAbsent();
});
