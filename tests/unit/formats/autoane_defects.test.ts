/** Defects of AutoANE that concern files, each shown not to be here. Numbers are those of the list of its bugs. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { readBlzt, writeBlzt } from "../../../formats/blzt.ts";
import { type LoraAdapters, readLora, writeLora } from "../../../formats/lora_sidecar.ts";
import { fromFloat32 } from "../../../formats/tensor.ts";
import type { WeightSet } from "../../../formats/weights.ts";
import { openTokenFile } from "../../../training/data/token_file.ts";
import { checkpointOf } from "../../../training/foreign_model.ts";
import { type BlztSizes, blztByHand } from "../../support/blzt_files.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";

const SMALL: BlztSizes = { L: 2, V: 11, D: 8, F: 6, H: 2, K: 1, E: 4, S: 32 };

let folder = "";
beforeEach(() => {
  folder = testFolder();
});
const at = (name: string): string => join(folder, name);

function handMade(name: string, options: Parameters<typeof blztByHand>[1] = {}): string {
  writeFileSync(at(name), blztByHand(SMALL, options).bytes);
  return at(name);
}

/** Adapters of the right shapes for every attention matrix. */
function adaptersFor({ config, tensors }: WeightSet): LoraAdapters {
  const rank = 2;
  const names = [...tensors.keys()].filter((name) => name.includes("self_attn"));
  const pairs = new Map(
    names.map((name, k) => {
      const [outputs, inputs] = tensors.get(name)!.shape as [number, number];
      const a = Float32Array.from({ length: rank * inputs }, (_, i) => i + k);
      const b = Float32Array.from({ length: outputs * rank }, (_, i) => i - k);
      return [name, { a: fromFloat32([rank, inputs], a), b: fromFloat32([outputs, rank], b) }];
    }),
  );
  expect(pairs.size).toBe(4 * config.layers);
  return { rank, updates: 9, merged: true, pairs };
}

test("5: adapters are saved, and come back as they were", () => {
  const set = readBlzt(handMade("a.bin"));
  const adapters = adaptersFor(set);
  const binding = { checkpoint: at("a.bin"), config: set.config };
  writeLora(at("a_lora.bin"), adapters, binding);
  expect(readLora(at("a_lora.bin"), binding)).toEqual(adapters);
});

test("6: adapters of one run are not applied to the checkpoint of another of the same sizes", () => {
  const set = readBlzt(handMade("run.bin", { seed: 1 }));
  writeLora(at("lora.bin"), adaptersFor(set), { checkpoint: at("run.bin"), config: set.config });
  handMade("pristine.bin", { seed: 2 });
  const used = { checkpoint: at("pristine.bin"), config: set.config };
  expect(userError(() => readLora(at("lora.bin"), used))).toMatch(/^E0785/);
});

test("7: a model that was trained from random weights keeps its residual scale when training goes on", () => {
  const set = readBlzt(handMade("scratch.bin"));
  expect(set.config.residualScale).toBe(1 / Math.sqrt(2 * SMALL.L));
  writeBlzt(at("again.bin"), set);
  expect(readBlzt(at("again.bin")).config.residualScale).toBe(1 / Math.sqrt(2 * SMALL.L));
  expect(checkpointOf(set).model.source.text).toContain("residual_scale = 0.5");
});

test("8: a checkpoint that cannot be read is an error, not a start from random weights", () => {
  const path = handMade("cut.bin");
  writeFileSync(path, readFileSync(path).subarray(0, 500));
  expect(userError(() => readBlzt(path))).toMatch(/^E0773/);
});

test("11: the window of a checkpoint may be any", () => {
  for (const S of [1, 128, 256, 4096]) {
    writeFileSync(at("s.bin"), blztByHand({ ...SMALL, S }).bytes);
    expect(readBlzt(at("s.bin")).config.context).toBe(S);
  }
});

test("26: a write that fails leaves the old checkpoint whole, and nothing beside it", () => {
  const path = handMade("a.bin");
  const before = readFileSync(path);
  const set = readBlzt(path);
  const broken = new Map(set.tensors);
  const last = broken.get("model.norm.weight")!;
  broken.set("model.norm.weight", { ...last, shape: [3] });
  expect(() => writeBlzt(path, { ...set, tensors: broken })).toThrow("bug in anec");
  expect(readFileSync(path)).toEqual(before);
  expect(readdirSync(folder)).toEqual(["a.bin"]);
});

test("26: a file that ends early is never read as far as it goes", () => {
  const whole = readFileSync(handMade("a.bin"));
  for (let cut = 1; cut < whole.length; cut += 97) {
    writeFileSync(at("b.bin"), whole.subarray(0, whole.length - cut));
    const isShort = cut === 8 * SMALL.V * SMALL.D;
    if (!isShort) expect(userError(() => readBlzt(at("b.bin")))).toMatch(/^E077[03]/);
  }
});

test("27: weights of a model of other sizes are not read into this one", () => {
  const { bytes } = blztByHand({ ...SMALL, F: 8 });
  const header = blztByHand(SMALL).bytes.subarray(0, 96);
  writeFileSync(at("mixed.bin"), Buffer.concat([header, bytes.subarray(96)]));
  expect(userError(() => readBlzt(at("mixed.bin")))).toMatch(/^E0773/);
});

test("28: tokens of another tokenizer than the model's are noticed by their ids", () => {
  writeFileSync(at("t.bin"), new Uint8Array(Uint16Array.from([1, 2, SMALL.V, 3]).buffer));
  expect(userError(() => openTokenFile(at("t.bin"), { vocabulary: SMALL.V }))).toMatch(/^E0805/);
});

test("30: ids beyond 16 bits have token files of 32", () => {
  const ids = Uint32Array.from({ length: 40 }, (_, i) => 151_900 + i);
  writeFileSync(at("q.bin"), new Uint8Array(ids.buffer));
  const metadata = {
    ...{ version: 1, tokenizer: "qwen", vocabulary: 151_940, dtype: "uint32", tokens: 40 },
    ...{ bytesPerToken: 4, split: { valStart: 36 }, sha256: "" },
    source: { sha256: "", files: [], documents: 1, bytes: 160 },
  };
  writeFileSync(at("q.json"), JSON.stringify(metadata));
  expect([...openTokenFile(at("q.bin"), { vocabulary: 151_940 }).tokens]).toEqual([...ids]);
});
