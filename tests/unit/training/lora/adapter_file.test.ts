/** Adapters in files of their own: ours, and the sidecars of AutoANE. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeBlzt } from "../../../../formats/blzt.ts";
import { type LoraAdapters, type LoraPair, writeLora } from "../../../../formats/lora_sidecar.ts";
import { encodeSafetensors, readSafetensors } from "../../../../formats/safetensors.ts";
import { fromFloat32, type Tensor, toFloat32 } from "../../../../formats/tensor.ts";
import { ATTENTION_TARGETS, type Lora } from "../../../../passes/lora.ts";
import { type Checkpoint, digestOf, readCheckpoint } from "../../../../training/checkpoint.ts";
import { evaluate } from "../../../../training/evaluate.ts";
import { checkpointOf } from "../../../../training/foreign_model.ts";
import { choiceFrom, trainFrom } from "../../../../training/initial_weights.ts";
import {
  readAdapters,
  saveAdapters,
  withAdapters,
} from "../../../../training/lora/adapter_file.ts";
import { mergeAdapters } from "../../../../training/lora/merge.ts";
import { openModel, openWithAdapters } from "../../../../training/open_model.ts";
import { createRandom } from "../../../../training/random.ts";
import { userError } from "../../../support/user_error.ts";
import { testFolder } from "../../data/support.ts";
import { randomWeights, smallConfig } from "../../formats/random_weights.ts";
import { closing, lossesOf, toyData, VOCABULARY } from "../support.ts";

const device = { threads: 1 };
const config = { ...smallConfig, vocabulary: VOCABULARY };
const settings = { steps: 12, accum: 3, warmup: 1, lr: 2e-2, valEvery: 0 };
const lora: Lora = { rank: 3, scale: 2, targets: [...ATTENTION_TARGETS, "w2"], norms: true };

/** A model from elsewhere with a row for every id. */
function base(): Checkpoint {
  const contents = checkpointOf(randomWeights(config, 5), { S: 8 });
  return { ...contents, path: "base", data: { ...contents.data, tokenizer: "toy" } };
}

function begin(initial: Checkpoint, more: Partial<typeof settings> & { compact?: boolean } = {}) {
  const data = { ...toyData(), vocabulary: VOCABULARY };
  const choice = { lora, ...choiceFrom(initial), data, dataName: "toy", device };
  return closing(trainFrom(initial, { ...choice, settings: { ...settings, ...more } }));
}

/** A run that has learnt, its checkpoint, and its adapters in a file. */
function trained(compact: boolean) {
  const folder = testFolder();
  const trainer = begin(base(), { compact });
  lossesOf(trainer);
  const [run, file] = [join(folder, "run.ckpt"), join(folder, "run.adapters")];
  trainer.save(run);
  const numbers = saveAdapters(file, readCheckpoint(run));
  return { trainer, run, file, numbers };
}

test.each([true, false])(
  "reloaded beside the base, losses are those of the run to the bit (compacted: %s)",
  async (compact) => {
    const { trainer, run, file, numbers } = trained(compact);
    const checkpoint = withAdapters(base(), readAdapters(file));
    expect(checkpoint.model.lora).toEqual(lora);
    const reloaded = begin(checkpoint, { compact });
    expect(reloaded.validate()).toBe(trainer.validate());
    // Only what was trained is in the file.
    const parameters = [...readAdapters(file).tensors.values()].map((t) => t.data.length / 4);
    expect(parameters.reduce((a, b) => a + b, 0)).toBe(numbers);
    expect(readFileSync(file).length).toBeLessThan(readFileSync(run).length / 2);
    const data = toyData();
    const merged = mergeAdapters(checkpoint);
    if (!compact) {
      const losses = [openModel(run), merged].map((model) => evaluate(model, { data, device }));
      const [a, b] = await Promise.all(losses);
      expect(b!.loss).toBe(a!.loss);
      expect(merged.tensors).toEqual(openModel(run).tensors);
    } else expect(merged.vocabulary.size).toBe(VOCABULARY);
  },
);

test("one bit of a frozen weight, or another hyper-parameter, and the adapters are refused", () => {
  const { file } = trained(true);
  const adapters = readAdapters(file);
  const whole = base();
  const used = new Set([...adapters.vocabulary.active!]);
  const names = [...whole.tensors.keys()].filter((name) => !name.includes("norm"));
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(7), (name, at, bit) => {
      const old = whole.tensors.get(name)!;
      const data = Uint8Array.from(old.data);
      const index = at % data.length;
      data[index]! ^= 1 << bit;
      const changed: Checkpoint = {
        ...whole,
        tensors: new Map([...whole.tensors, [name, { ...old, data }]]),
      };
      const row = Math.floor(index / (4 * (old.shape[1] ?? 1)));
      const isUsed = name !== "param.embed.weight" || used.has(row) || row === 30;
      const said = userError(() => withAdapters(changed, adapters));
      if (isUsed) expect(said).toMatch(/^E0944 the adapters of `.*run.adapters` .* of `base`/);
      else expect(said).toBe("no error");
    }),
    { numRuns: 40 },
  );
  const { source } = whole.model;
  const text = source.text.replace(/rope_theta = \d+/, "rope_theta = 777");
  expect(text).not.toBe(source.text);
  const other = { ...whole, model: { ...whole.model, source: { ...source, text } } };
  expect(userError(() => withAdapters(other, adapters))).toMatch(/^E0944/);
});

test("a damaged file of adapters, or a file of something else, is refused", () => {
  const { run, file } = trained(false);
  expect(userError(() => readAdapters(run))).toMatch(/^E0943 .*run.ckpt` is no file of adapters/);
  expect(userError(() => saveAdapters(file, base()))).toBe("E0942 `base` has no adapters");
  const bytes = readFileSync(file);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 1 << bit;
      const path = join(testFolder(), "changed.adapters");
      writeFileSync(path, changed);
      expect(userError(() => withAdapters(base(), readAdapters(path)))).toMatch(/^E0(7|94)/);
    }),
    { numRuns: 60 },
  );
});

test("a file that was forged with a digest of its own is refused, and nothing of its sizes is made", () => {
  const { file } = trained(false);
  const { tensors, metadata } = readSafetensors(file);
  const forged = (part: string, change: object): string => {
    const path = join(testFolder(), "forged.adapters");
    const changed: Record<string, string> = {
      ...metadata,
      [part]: JSON.stringify({ ...JSON.parse(metadata[part]!), ...change }),
    };
    changed["digest"] = digestOf(tensors, changed);
    writeFileSync(path, Buffer.concat([...encodeSafetensors(tensors, changed)]));
    return userError(() => withAdapters(base(), readAdapters(path)));
  };
  expect(forged("vocabulary", {})).toBe("no error");
  expect(forged("vocabulary", { full: 2 ** 40, size: 2 ** 40 })).toMatch(/^E0944/);
  expect(forged("vocabulary", { size: 2 ** 40 })).toMatch(/^E0943/);
  expect(forged("vocabulary", { full: -1, size: -1 })).toMatch(/^E0944/);
  expect(forged("vocabulary", { dim: "D" })).toMatch(/^E0944/);
  expect(forged("lora", { rank: 2 ** 40 })).toMatch(/^E0727/);
  expect(forged("lora", { rank: 0.5 })).toMatch(/^E0943/);
  expect(forged("lora", { targets: ["wq"] })).toMatch(/^E0728/);
  expect(forged("lora", { targets: [] })).toMatch(/^E0940/);
  expect(forged("lora", { targets: "wq" })).toMatch(/^E0943/);
  expect(forged("lora", { norms: false })).toMatch(/^E0944/);
  expect(forged("base", { digest: null })).toMatch(/^E0943/);
});

/** A BLZT checkpoint with its sidecar, as AutoANE leaves them; W in `plain`, and W + B·A in `summed`. */
function sidecar(merged: boolean) {
  const folder = testFolder();
  const path = (name: string): string => join(folder, name);
  const set = randomWeights(config, 5);
  const random = createRandom(7);
  const any = (shape: readonly [number, number]): Tensor => {
    const values = new Float32Array(shape[0] * shape[1]);
    random.fillUniform(values, 0.1);
    return fromFloat32(shape, values);
  };
  const rank = 2;
  const pairs = new Map<string, LoraPair>();
  const tensors = new Map(set.tensors);
  for (const [name, weight] of set.tensors) {
    if (!/self_attn\.[qkvo]_proj/.test(name)) continue;
    const [outputs, inputs] = weight.shape as [number, number];
    const pair = { a: any([rank, inputs]), b: any([outputs, rank]) };
    pairs.set(name, pair);
    const [a, b] = [toFloat32(pair.a), toFloat32(pair.b)];
    const sum = toFloat32(weight).map((w, at) => {
      const [o, i] = [Math.floor(at / inputs), at % inputs];
      return w + b[o * rank]! * a[i]! + b[o * rank + 1]! * a[inputs + i]!;
    });
    tensors.set(name, fromFloat32(weight.shape, sum));
  }
  writeBlzt(path("plain.bin"), set);
  writeBlzt(path("summed.bin"), { ...set, tensors });
  const whole = merged ? "summed.bin" : "plain.bin";
  const adapters: LoraAdapters = { rank, updates: 3, merged, pairs };
  writeLora(path("a_lora.bin"), adapters, { checkpoint: path(whole), config });
  return { path, whole: path(whole), file: path("a_lora.bin") };
}

const lossOf = async (model: Checkpoint): Promise<number> =>
  (await evaluate(model, { data: toyData(), device, S: 8 })).loss;

test.each([true, false])(
  "a sidecar of AutoANE: the base and what it computes with its adapters (merged: %s)",
  async (merged) => {
    const { path, whole, file } = sidecar(merged);
    const { beside, merged: used } = openWithAdapters(whole, file);
    const targets = ATTENTION_TARGETS;
    const own = { rank: 2, scale: 1, targets, norms: true };
    expect(beside.model.lora).toEqual({ ...own, ...(merged ? { unmerged: true } : {}) });
    for (const [name, tensor] of openModel(path("plain.bin")).tensors) {
      const values = toFloat32(beside.tensors.get(name)!);
      const distances = toFloat32(tensor).map((w, i) => Math.abs(w - values[i]!));
      expect(Math.max(...distances), name).toBeLessThanOrEqual(merged ? 1e-7 : 0);
    }
    const expected = await lossOf(openModel(path("summed.bin")));
    const found = await lossOf(used());
    if (merged) expect(found).toBe(expected);
    expect(Math.abs(found - expected)).toBeLessThan(1e-6);
    expect(await lossOf(openModel(whole, { adapters: file }))).toBe(found);
    expect(Math.abs(expected - (await lossOf(openModel(path("plain.bin")))))).toBeGreaterThan(1e-4);
    // Training goes on from there: the split form has the loss of the merged one.
    const data = { ...toyData(), vocabulary: VOCABULARY };
    const choice = { ...choiceFrom(beside), data, dataName: "toy", device };
    const at = { ...settings, compact: false };
    const { overrides } = choice;
    const options = { ...choice, overrides: { ...overrides, S: 8 }, settings: at };
    const start = closing(trainFrom(beside, options));
    expect(Math.abs(start.validate() - expected)).toBeLessThan(1e-5);
  },
);

test("a run from a sidecar: its adapters go to a file where a file has the weights they belong to", () => {
  for (const merged of [true, false]) {
    const { path, whole, file } = sidecar(merged);
    const { beside } = openWithAdapters(whole, file);
    const named = { ...beside, data: { ...beside.data, tokenizer: "toy" } };
    const trainer = closing(
      trainFrom(named, {
        ...{ ...choiceFrom(named), data: { ...toyData(), vocabulary: VOCABULARY } },
        ...{ dataName: "toy", device, settings: { ...settings, steps: 3 } },
      }),
    );
    lossesOf(trainer);
    trainer.save(path("run.ckpt"));
    const save = () => saveAdapters(path("run.adapters"), readCheckpoint(path("run.ckpt")));
    if (merged) {
      const said = userError(save);
      expect(said).toMatch(/^E0945 the adapters of .*run.ckpt` belong to weights that are in no/);
      expect(existsSync(path("run.adapters"))).toBe(false);
      // Without them the run is a model like any other.
      expect(mergeAdapters(readCheckpoint(path("run.ckpt"))).model.lora).toBeUndefined();
    } else {
      save();
      const again = withAdapters(openModel(whole), readAdapters(path("run.adapters")));
      expect(again.model.lora).toEqual(beside.model.lora);
    }
  }
});

test("a sidecar without word of its checkpoint is taken only if it is said to belong", () => {
  const { path, whole, file } = sidecar(true);
  const moved = path("moved_lora.bin");
  writeFileSync(moved, readFileSync(file));
  expect(userError(() => openWithAdapters(whole, moved))).toMatch(/^E0786/);
  expect(openWithAdapters(whole, moved, { unbound: true }).beside.model.lora?.rank).toBe(2);
  // One that names another checkpoint is refused in any case.
  const other = path("plain.bin");
  expect(userError(() => openWithAdapters(other, file, { unbound: true }))).toMatch(/^E0785/);
});
