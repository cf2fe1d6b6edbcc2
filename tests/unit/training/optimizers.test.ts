/** Optimizers, schedules, groups and presets: resuming, threads, what is sanitised, and what presets set. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { leafName } from "../../../compiler/ir/graph.ts";
import { writeFileBytes } from "../../../formats/files.ts";
import { type Checkpoint, encodeCheckpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import { compats } from "../../../training/compat/index.ts";
import { evenValidationWindows } from "../../../training/data/windows.ts";
import { GROUPS, groupsOf } from "../../../training/optimizers/groups.ts";
import { optimizerNames, optimizers } from "../../../training/optimizers/index.ts";
import {
  completeSettings,
  defaultSettings,
  type TrainSettings,
} from "../../../training/options.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { scheduleNames } from "../../../training/schedules/index.ts";
import { createTrainer } from "../../../training/trainer.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, lossesOf, smallOptions, smallTrainer, tiny, toyData } from "./support.ts";

const factor = fc.constantFrom(0, 0.05, 1, 5);
const runs: fc.Arbitrary<Partial<TrainSettings>> = fc.record({
  optimizer: fc.constantFrom(...optimizerNames),
  schedule: fc.constantFrom(...scheduleNames),
  compat: fc.constantFrom(null, ...compats.map(({ name }) => name as "autoane")),
  accum: fc.integer({ min: 1, max: 4 }),
  steps: fc.integer({ min: 2, max: 9 }),
  lr: fc.constantFrom(1e-4, 1e-2),
  minLr: fc.constantFrom(0, 0.1),
  ...{ lrMatrix: factor, lrEmbed: factor, lrNorm: factor, wdEmbed: factor, wdNorm: factor },
  sanitize: fc.boolean(),
});

test("any run is resumed bit for bit, on any number of threads", () => {
  const folder = testFolder();
  const data = toyData();
  fc.assert(
    fc.property(runs, fc.nat(), fc.constantFrom(1, 2), (settings, at, threads) => {
      const whole = createTrainer(smallOptions(settings));
      const first = createTrainer(smallOptions(settings, { device: { threads } }));
      const cut = join(folder, "cut.ckpt");
      try {
        const losses = lossesOf(whole);
        const seen = Array.from({ length: at % settings.steps! }, () => first.step().loss);
        first.save(cut);
        const second = resumeTrainer({
          checkpoint: readCheckpoint(cut),
          data,
          device: { threads },
        });
        try {
          expect(second.settings).toEqual(whole.settings);
          expect([...seen, ...lossesOf(second)]).toEqual(losses);
          second.save(join(folder, "second.ckpt"));
        } finally {
          second.close();
        }
        whole.save(join(folder, "whole.ckpt"));
      } finally {
        whole.close();
        first.close();
      }
      const bytes = (name: string) => readFileSync(join(folder, name));
      expect(bytes("second.ckpt").equals(bytes("whole.ckpt"))).toBe(true);
    }),
    { numRuns: 12 },
  );
});

test.each([
  ["adamw", 1e-2],
  ["lion", 3e-3],
  ["sgd", 0.3],
])("%s learns", (optimizer, lr) => {
  const trainer = smallTrainer({ optimizer, lr, wd: 0.1, steps: 400, warmup: 10 });
  const before = trainer.validate();
  lossesOf(trainer);
  expect(trainer.validate()).toBeLessThan(before - 0.3);
});

test("a checkpoint has the moments of its optimizer, and cannot go on with another one", async () => {
  const path = join(testFolder(), "a.ckpt");
  for (const { name, moments } of optimizers) {
    const trainer = smallTrainer({ optimizer: name });
    trainer.step();
    trainer.save(path);
    const checkpoint = readCheckpoint(path);
    const kinds = new Set(
      [...checkpoint.tensors.keys()].map((n) => n.replace(/\.(block|embed|norm)\..*/, "")),
    );
    expect([...kinds].sort()).toEqual(["grad", "param", ...moments].sort());
    const other = optimizerNames.find((o) => o !== name)!;
    expect(
      await errorOf(() =>
        resumeTrainer({ checkpoint, data: toyData(), settings: { optimizer: other } }),
      ),
    ).toBe(
      `E0729 \`--optimizer ${other}\` contradicts the checkpoint, which was made with ${name}`,
    );
  }
});

test("a checkpoint from before there were optimizers to choose goes on as it was", () => {
  const path = join(testFolder(), "a.ckpt");
  for (const compat of [null, "autoane"] as const) {
    const given = { steps: 20, lr: 1e-3, warmup: 2, compat };
    const whole = smallTrainer(given);
    const first = smallTrainer(given);
    const seen = Array.from({ length: 6 }, () => first.step().loss);
    first.save(path);
    const checkpoint = withoutNewSettings(readCheckpoint(path));
    const second = closing(resumeTrainer({ checkpoint, data: toyData(), device: { threads: 1 } }));
    expect([...seen, ...lossesOf(second)]).toEqual(lossesOf(whole));
  }
});

/** The same checkpoint with the settings that version 1 began with alone, written and read again. */
function withoutNewSettings(checkpoint: Checkpoint): Checkpoint {
  const known = [
    ...["steps", "accum", "batch", "lr", "warmup", "clip", "wd", "beta1", "beta2"],
    ...["seed", "valEvery", "compact", "compat"],
  ];
  const settings = Object.fromEntries(
    Object.entries(checkpoint.settings).filter(([name]) => known.includes(name)),
  );
  const chunks = encodeCheckpoint({
    ...checkpoint,
    settings: settings as unknown as TrainSettings,
  });
  const path = join(testFolder(), "old.ckpt");
  writeFileBytes(path, chunks);
  return readCheckpoint(path);
}

test("parameters are in the groups of their use", () => {
  const { graph } = smallTrainer().model;
  const groupOf = groupsOf(graph);
  const members = GROUPS.map((group) =>
    graph.params.filter((p) => groupOf(p) === group).map(leafName),
  );
  expect(members[0]!.every((path) => /\.w[qkvo123]$/.test(path))).toBe(true);
  expect(members[1]).toEqual(["embed.weight"]);
  expect(members[2]!.every((path) => path.endsWith("norm.weight"))).toBe(true);
  expect(members.flat().length).toBe(graph.params.length);
});

/** A loss whose gradient is infinite at `z` = 0. */
const steep = {
  source: {
    path: "steep.ane",
    text: `${tiny.text}
train steep(tokens: i32[S], targets: i32[S]) {
  param z: [D] init zeros
  loss cross_entropy(tiny(tokens), targets) + sum(sqrt(z))
}
`,
  },
  entry: "steep",
};

test("with sanitize, what is not finite is made so, counted, and the update is made", () => {
  const trainer = smallTrainer(
    {
      accum: 2,
      steps: 2,
      sanitize: true,
      clip: 0,
      optimizer: "sgd",
      lr: 1e-3,
      beta1: 0,
      warmup: 0,
    },
    steep,
  );
  trainer.step();
  const { update } = trainer.step();
  expect(update).toMatchObject({ update: 1, sanitized: 16, clipped: false });
  // The mean gradient of z is 65504 everywhere.
  expect(update!.gradNorm / (65504 * 4)).toBeCloseTo(1, 4);
  for (const z of trainer.param("z")) expect(z).toBeCloseTo(-65.504, 3);
});

test("a finite gradient is what it is without sanitize, bit for bit", () => {
  const [with_, without] = [smallTrainer({ sanitize: true }), smallTrainer()];
  expect(lossesOf(with_)).toEqual(lossesOf(without));
});

test("presets set what is not given, and nothing else", () => {
  for (const { name, settings } of compats) {
    const compat = name as "autoane";
    expect(completeSettings({ compat })).toEqual({ ...defaultSettings, ...settings, compat });
    expect(completeSettings({ compat, lr: 1, steps: 7 })).toMatchObject({ lr: 1, steps: 7 });
  }
  expect(completeSettings({ optimizer: "lion", beta2: 0.5 })).toMatchObject({
    ...{ lr: 1e-4, wd: 0.4, beta2: 0.5, optimizer: "lion" },
  });
});

test("autoresearch-ane: zero outputs, rates by group, even windows", () => {
  const settings = { compat: "autoresearch-ane", steps: 4, accum: 4, warmup: 0, clip: 0 } as const;
  const trainer = smallTrainer(settings);
  const autoane = smallTrainer({ ...settings, compat: "autoane" });
  expect(trainer.param("block.1.attn.wo").every((x) => x === 0)).toBe(true);
  expect(trainer.param("block.0.ffn.w2").every((x) => x === 0)).toBe(true);
  expect(trainer.param("block.0.attn.wq")).toEqual(autoane.param("block.0.attn.wq"));
  const paths = ["block.0.attn.wo", "embed.weight", "norm.weight"];
  const before = paths.map((path) => trainer.param(path).slice());
  const { lr } = trainer;
  lossesOf(trainer);
  // The first step of Adam is the rate of the group, wherever there is a gradient; 0 and 1 do not round it.
  const moved = paths.map((path, i) =>
    Math.max(...trainer.param(path).map((x, k) => Math.abs(x - before[i]![k]!))),
  );
  for (const [i, factorOf] of [0.05, 5, 1].entries())
    expect(moved[i]! / (lr * factorOf)).toBeCloseTo(1, 2);
  expect(evenValidationWindows(100, 203, 8, 20).slice(0, 3)).toEqual([100, 110, 120]);
  expect(Math.max(...evenValidationWindows(100, 21, 8, 20))).toBe(100 + 12);
});

test.each<[Partial<TrainSettings>, string]>([
  [{ minLr: 2 }, "`--min-lr` is 2, but it must be a part of `--lr`, from 0 to 1"],
  [{ cooldown: 0 }, "`--cooldown` is 0, but it must be a part of the run, above 0, at most 1"],
  [{ lrEmbed: -1 }, "`--lr-embed` is -1, but it must be a factor from 0 to 1000"],
  [{ lossScale: 3 }, "`--loss-scale` is 3, but it must be a power of 2 from 1 to 1048576"],
  [{ optimizer: "adam" }, "`--optimizer` is adam, but it must be one of adamw, lion, sgd"],
  [
    { schedule: "wave" },
    "`--schedule` is wave, but it must be one of cosine, linear, constant, wsd",
  ],
  [{ adaptiveWindow: 0 }, "`--adaptive-window` is 0, but it must be a whole number from 1"],
])("refuses %j", async (settings, title) => {
  expect(await errorOf(() => completeSettings(settings))).toBe(`E0901 ${title}`);
});
