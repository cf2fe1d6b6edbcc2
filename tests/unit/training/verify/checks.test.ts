/** Every check passes on a sound checkpoint, and each is the one that catches a damage of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModel } from "../../../../dsl/index.ts";
import { writeBlzt } from "../../../../formats/blzt.ts";
import { fromFloat32 } from "../../../../formats/tensor.ts";
import type { TransformerConfig, WeightSet } from "../../../../formats/weights.ts";
import { architectureSource } from "../../../../training/architecture.ts";
import { readCheckpoint } from "../../../../training/checkpoint.ts";
import { weightsOf } from "../../../../training/foreign_model.ts";
import { readModel } from "../../../../training/model.ts";
import { trainingPlan } from "../../../../training/programs.ts";
import { createTrainer } from "../../../../training/trainer.ts";
import {
  checkGroups,
  openSubject,
  runChecks,
  type Subject,
  type SubjectOptions,
  type Tools,
  tools,
  withTokens,
} from "../../../../training/verify/index.ts";
import { VERSION } from "../../../../version.ts";
import { type BlztSizes, blztByHand } from "../../../support/blzt_files.ts";
import { SMALL, smallOptions, tiny, toyData } from "../support.ts";

const folder = mkdtempSync(join(tmpdir(), "anec-verify-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** The model that the checkpoint should be. */
const expectedModel = at("expected.ane");
const tokens = at("toy.bin");
const sound = at("sound.ckpt");
const soundBlzt = at("sound.blzt");
let weights: WeightSet;

const V = 40;

beforeAll(() => {
  const data = toyData();
  writeFileSync(tokens, new Uint8Array(data.tokens.buffer));
  const trainer = createTrainer(smallOptions({ compact: false }));
  try {
    for (let i = 0; i < 8; i++) trainer.step();
    trainer.save(sound);
  } finally {
    trainer.close();
  }
  weights = weightsOf(readCheckpoint(sound));
  writeBlzt(soundBlzt, weights);
  writeFileSync(expectedModel, architectureSource("small", weights.config, { S: SMALL.S }).text);
});

const engine: NonNullable<SubjectOptions["engine"]> = {
  device: { threads: 1, engine: { kind: "emulator", version: VERSION } },
  choice: { fusion: "layer", ane: "full" },
};

function subjectOf(path = sound, options: SubjectOptions = {}): Subject {
  const device = { threads: 1 };
  return openSubject(path, {
    data: tokens,
    distinct: V,
    model: expectedModel,
    device,
    engine,
    ...options,
  });
}

/** A checkpoint of a model of no family: a layer called `name` with a parameter `weight`, and `y` of its input `x`. */
function unlike(name: string, weight: string, y: string): string {
  const path = at(`${name}.ckpt`);
  writeFileSync(at(`${name}.ane`), unlikeText(weight, y));
  const source = loadModel(at(`${name}.ane`));
  const trainer = createTrainer({ ...smallOptions({ compact: true }), source, overrides: {} });
  try {
    trainer.save(path);
  } finally {
    trainer.close();
  }
  return path;
}

const unlikeText = (weight: string, y: string): string => `dims S = 8, D = 16, V = 64
model toy(tokens: i32[S]) -> [S, V] {
  param ${weight}: [D]
  x = embed(tokens) * ${weight}
  return (${y}) @ embed.weight'
}
train toy(tokens: i32[S], targets: i32[S]) { loss cross_entropy(toy(tokens), targets) }`;

const allChecks = checkGroups.flatMap((group) => group.checks);

test.each([
  ["anec", () => sound],
  ["blzt", () => soundBlzt],
])("a sound checkpoint of %s passes every check", (format, path) => {
  const subject = subjectOf(path());
  expect(subject.format).toBe(format);
  const results = runChecks(allChecks, subject, tools);
  expect(results.filter((r) => r.status !== "pass")).toEqual([]);
  expect(results.length).toBe(45);
});

interface Damaged {
  readonly subject: Subject;
  readonly tools?: Partial<Tools>;
}

/** A file of BLZT with other sizes than the model should have. */
function resized(sizes: Partial<BlztSizes>): Damaged {
  const path = at("resized.blzt");
  writeFileSync(path, blztByHand({ ...SMALL, V, ...sizes }).bytes);
  return { subject: subjectOf(path) };
}

/** A configuration that does not fit the tensors. */
function declared(config: Partial<TransformerConfig>): Damaged {
  const subject = subjectOf();
  const opened = subject.opened!;
  const changed = { ...opened.weights!, config: { ...weights.config, ...config } };
  return { subject: { ...subject, opened: { ...opened, weights: changed } } };
}

function reshaped(name: string, shape: readonly number[]): Damaged {
  const subject = subjectOf();
  const opened = subject.opened!;
  const tensors = new Map(opened.weights!.tensors);
  tensors.set(name, { ...tensors.get(name)!, shape });
  return {
    subject: { ...subject, opened: { ...opened, weights: { ...opened.weights!, tensors } } },
  };
}

/** BLZT with a tensor of other values. */
function revalued(name: string, change: (values: Float32Array) => void): Damaged {
  const tensor = weights.tensors.get(name)!;
  const values = new Float32Array(Uint8Array.from(tensor.data).buffer);
  change(values);
  const path = at("revalued.blzt");
  const replaced: [string, typeof tensor] = [name, fromFloat32(tensor.shape, values)];
  writeBlzt(path, { ...weights, tensors: new Map([...weights.tensors, replaced]) });
  return { subject: subjectOf(path) };
}

/** The bytes of the BLZT file, changed; without the JSON file beside it. */
function bytes(change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): Damaged {
  const path = at("bytes.blzt");
  writeFileSync(path, change(Uint8Array.from(readFileSync(soundBlzt))));
  return { subject: subjectOf(path) };
}

function data(change: (ids: Uint16Array<ArrayBuffer>) => Uint8Array | Uint16Array): Damaged {
  const path = at("data.bin");
  const changed = change(new Uint16Array(Uint8Array.from(readFileSync(tokens)).buffer));
  writeFileSync(path, new Uint8Array(changed.buffer, changed.byteOffset, changed.byteLength));
  return { subject: subjectOf(sound, { data: path }) };
}

/** Trainers of a model with another start. */
function trainerWith(overrides: Record<string, number>, onEngineOnly = false): Damaged {
  return {
    subject: subjectOf(),
    tools: {
      createTrainer: (options) =>
        createTrainer(
          onEngineOnly && options.engine === undefined
            ? options
            : { ...options, overrides: { ...options.overrides, ...overrides } },
        ),
    },
  };
}

const Q = "model.layers.0.self_attn.q_proj.weight";

/** By check: a damage that it alone is asked about. */
const DAMAGES: Readonly<Record<string, () => Damaged>> = {
  file_magic: () => bytes((b) => b.fill(7, 0, 4)),
  file_version: () => bytes((b) => b.fill(3, 4, 5)),
  file_whole: () => bytes((b) => b.subarray(0, b.length - 4)),
  weights_finite: () => revalued(Q, (w) => w.fill(Number.NaN, 3, 4)),
  weights_differ: () => revalued(Q, (w) => w.fill(0.5)),

  model_same: () => ({ subject: subjectOf(unlike("sum", "f", "x + 1")) }),
  model_width: () => resized({ D: 24 }),
  model_hidden: () => resized({ F: 26 }),
  model_heads: () => resized({ H: 4 }),
  model_key_heads: () => resized({ K: 2 }),
  model_layers: () => resized({ L: 3 }),
  model_vocabulary: () => resized({ V: 41 }),
  model_head_size: () => resized({ E: 4 }),
  model_rope_base: () => {
    const path = at("theta.blzt");
    writeFileSync(path, readFileSync(soundBlzt));
    return { subject: subjectOf(path, { ropeTheta: 500_000 }) };
  },
  model_head_sizes: () => declared({ heads: 3, kvHeads: 2 }),
  tensors_layers: () => declared({ layers: 3 }),
  tensors_vocabulary: () => declared({ vocabulary: 41 }),
  tensors_width: () => declared({ width: 17 }),
  tensors_hidden: () => declared({ hidden: 25 }),
  tensors_heads: () => declared({ heads: 4 }),
  tensors_key_heads: () => declared({ kvHeads: 2 }),
  tensors_head_size: () => declared({ headSize: 4 }),
  tensors_q_width: () => reshaped("model.layers.0.self_attn.o_proj.weight", [16, 15]),
  tensors_window: () => declared({ context: 4 }),
  tensors_parameters: () => reshaped("model.norm.weight", [17]),

  rotary_formula: () => declared({ ropeTheta: 20_000 }),
  rotary_precision: () => declared({ ropeTheta: 10_000.000001 }),

  data_first_ids: () => data((ids) => ids.fill(V, 3, 4)),
  data_no_magic: () =>
    data((ids) => Buffer.concat([Buffer.from("TZLB"), new Uint8Array(ids.buffer)])),
  data_ids_vary: () => data((ids) => ids.fill(5, 0, 10)),
  data_size: () => data((ids) => new Uint8Array(ids.buffer, 0, ids.byteLength - 1)),
  data_distinct: () => ({ subject: subjectOf(sound, { distinct: V + 1 }) }),
  data_largest_id: () => data((ids) => ids.fill(V, ids.length - 1)),

  train_builds: () => {
    const subject = subjectOf();
    const opened = subject.opened!;
    const model = { ...opened.checkpoint.model, entry: "another" };
    const checkpoint = { ...opened.checkpoint, model };
    return { subject: { ...subject, opened: { ...opened, checkpoint } } };
  },
  train_first_loss: () => trainerWith({ embed_scale: 5 }),
  train_seeds: () => ({
    subject: subjectOf(),
    tools: {
      createTrainer: (o) => createTrainer({ ...o, settings: { ...o.settings, seed: 1 } }),
    },
  }),
  train_learns: () => ({
    subject: subjectOf(),
    tools: {
      createTrainer: (o) => createTrainer({ ...o, settings: { ...o.settings, lr: 1e-30, wd: 0 } }),
    },
  }),
  train_resumes: () => ({
    subject: subjectOf(),
    tools: {
      readCheckpoint: (path) => {
        const checkpoint = readCheckpoint(path);
        for (const [name, { data: moments }] of checkpoint.tensors) {
          if (name.startsWith("adam.m.")) moments.fill(0);
        }
        return checkpoint;
      },
    },
  }),
  train_engine: () => trainerWith({ embed_scale: 5 }, true),
  train_gradient: () => trainerWith({ embed_scale: 0 }),
  train_memory: () => {
    const subject = subjectOf();
    const model = readModel({ source: tiny, overrides: { ...SMALL, V: 1e9 } });
    return { subject: { ...subject, opened: { ...subject.opened!, model } } };
  },
  // A plan of training by gradients.
  mezo_builds: () => ({
    subject: subjectOf(),
    tools: { mezoPlan: ({ graph }) => trainingPlan(graph) },
  }),
  mezo_first_loss: () => trainerWith({ embed_scale: 5 }),
  mezo_stays: () => ({
    subject: subjectOf(),
    tools: {
      createTrainer: (o) => createTrainer({ ...o, settings: { ...o.settings, lr: 1 } }),
    },
  }),
  mezo_engine: () => trainerWith({ embed_scale: 5 }),
};

test("there is a damage for every check", () => {
  expect(Object.keys(DAMAGES).sort()).toEqual(allChecks.map((c) => c.name).sort());
});

test.each(allChecks)("$name catches its damage", (check) => {
  const damaged = DAMAGES[check.name]!();
  const [result] = runChecks([check], damaged.subject, { ...tools, ...damaged.tools });
  expect(result, result!.found).toMatchObject({ status: "fail" });
});

test("a file that cannot be opened fails, and what needs it is left out", () => {
  const { subject } = DAMAGES["file_whole"]!();
  const results = runChecks(allChecks, subject, tools);
  const failed = results.filter((r) => r.status === "fail").map((r) => r.name);
  expect(failed).toEqual(["file_whole"]);
  expect(results.find((r) => r.name === "train_learns")).toMatchObject({ status: "skip" });
});

test("a model is trained for the ids of its checkpoint, whatever its text says of them", () => {
  const source = architectureSource("small", { ...weights.config, vocabulary: 32 }, { S: SMALL.S });
  const trainer = createTrainer({ ...smallOptions({ compact: true }), source, overrides: {} });
  const path = at("ids.ckpt");
  try {
    trainer.step();
    trainer.save(path);
  } finally {
    trainer.close();
  }
  const subject = openSubject(path, { data: tokens, device: { threads: 1 } });
  const builds = allChecks.filter((check) => check.name === "train_builds");
  expect(runChecks(builds, subject, tools).map((r) => r.status)).toEqual(["pass"]);
});

const resultOf = (name: string, subject: Subject) => {
  const [result] = runChecks(
    allChecks.filter((check) => check.name === name),
    subject,
    tools,
  );
  return result!;
};

test("a model of no family is compared with the one that it should be", () => {
  const path = unlike("own", "f", "x + 1");
  const same = subjectOf(path, { model: at("own.ane") });
  expect(resultOf("model_same", same)).toMatchObject({ status: "pass", found: "2 parameters" });

  const [renamed, changed, wider] = [at("renamed.ane"), at("changed.ane"), at("wider.ane")];
  writeFileSync(renamed, unlikeText("g", "x + 1"));
  writeFileSync(changed, unlikeText("f", "x + 2"));
  writeFileSync(wider, unlikeText("f", "x + 1").replace("D = 16", "D = 32"));
  const found = (model: string) => resultOf("model_same", subjectOf(path, { model }));
  expect(found(renamed)).toMatchObject({
    status: "fail",
    found: "parameter f [D 16] only in the checkpoint; parameter g [D 16] only in the model given",
  });
  expect(found(changed)).toMatchObject({
    status: "fail",
    found: "dimensions and parameters agree, but the equations differ",
  });
  expect(found(wider)).toMatchObject({
    status: "fail",
    found: expect.stringMatching(
      /^D 16 in the checkpoint, 32 given; parameter f \[D 16\] in the checkpoint, \[D 32\] given/,
    ),
  });
});

test("the ids of a checkpoint are those of its data, not those that the model is written with", () => {
  const model = at("more_ids.ane");
  const config = { ...weights.config, vocabulary: 512 };
  writeFileSync(model, architectureSource("small", config, { S: SMALL.S }).text);
  const results = runChecks(allChecks, subjectOf(sound, { model }), tools);
  expect(results.filter((r) => r.status !== "pass")).toEqual([]);
  expect(resultOf("model_vocabulary", subjectOf(sound, { model })).found).toBe(
    "40, its data has 40; the 512 of the model gave way to them",
  );
});

test("a text that was taken for tokens is found out, and data that was opened is not", () => {
  const path = at("text.bin");
  writeFileSync(path, "The people of the village were glad. ".repeat(50));
  expect(resultOf("data_no_magic", subjectOf(sound, { data: path }))).toMatchObject({
    status: "fail",
    found: "a text: call it `.txt`",
  });
  const subject = withTokens(openSubject(sound, { device: { threads: 1 } }), toyData());
  const results = runChecks(allChecks, subject, tools).filter((r) => r.name.startsWith("data_"));
  expect(results.map((r) => r.status)).toEqual(["pass", "pass", "pass", "pass", "skip", "pass"]);
});
