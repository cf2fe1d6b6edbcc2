/** BLZT: read, written, refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { Diagnostic } from "../../../compiler/support/diagnostic.ts";
import { encodeBlzt, inspectBlzt, readBlzt, writeBlzt } from "../../../formats/blzt.ts";
import { blztDefaults } from "../../../formats/blzt_defaults.ts";
import { type BlztHeader, sectionsOf } from "../../../formats/blzt_layout.ts";
import { sidecarPath } from "../../../formats/blzt_sidecar.ts";
import type { WeightSet } from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";
import { AUTOANE_MODELS, type BlztSizes, blztByHand, shrunk } from "../../support/blzt_files.ts";
import { headerWriter, userError } from "../../support/user_error.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "anec-blzt-"));
  const mine = folder;
  onTestFinished(() => rmSync(mine, { recursive: true, force: true }));
});

const at = (name = "a.bin"): string => join(folder, name);

function write(bytes: Uint8Array, name = "a.bin"): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

const bytesOf = (set: WeightSet): Buffer => Buffer.concat([...encodeBlzt(set)]);
const wordsOf = (set: WeightSet, name: string): Uint32Array => {
  const { data } = set.tensors.get(name)!;
  return new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
};

const SMALL: BlztSizes = { L: 2, V: 11, D: 8, F: 6, H: 2, K: 1, E: 4, S: 32 };

test.each(Object.keys(AUTOANE_MODELS))("%s: BLZT → neutral → BLZT, bit for bit", (name) => {
  for (const moments of ["random", "zero"] as const) {
    const { bytes } = blztByHand(shrunk(AUTOANE_MODELS[name]!), { moments, seed: 3 });
    const set = readBlzt(write(bytes));
    expect(set.optimizer === null).toBe(moments === "zero");
    expect(Buffer.compare(bytesOf(set), bytes)).toBe(0);
  }
});

function headerOf({ L, V, D, F, H, K, E, S }: BlztSizes): BlztHeader {
  return {
    ...{
      version: 4,
      step: 0,
      totalSteps: 0,
      lr: 0,
      loss: 0,
      cumCompile: 0,
      cumTrain: 0,
      cumWall: 0,
    },
    ...{ cumSteps: 0, cumBatches: 0, adamT: 0, sequence: S, layers: L, vocabulary: V, width: D },
    ...{ hidden: F, heads: H, kvHeads: K, headSize: E, qWidth: H * E },
  };
}

test.each(Object.entries(AUTOANE_MODELS))("%s takes the bytes it takes there", (_name, model) => {
  const sections = sectionsOf(headerOf(model), "autoane");
  const last = sections[sections.length - 1]!;
  expect(last.offset + last.bytes).toBe(model.bytes);
});

test("tensors get the names, and queries and keys the order, of Hugging Face", () => {
  const { bytes, words } = blztByHand(SMALL);
  const set = readBlzt(write(bytes));
  const same = (name: string, c: string) => expect(wordsOf(set, name)).toEqual(words.get(c));
  for (const l of [0, 1]) {
    const layer = `model.layers.${l}`;
    same(`${layer}.self_attn.v_proj.weight`, `Wv.${l}`);
    same(`${layer}.self_attn.o_proj.weight`, `Wo.${l}`);
    same(`${layer}.mlp.gate_proj.weight`, `W1.${l}`);
    same(`${layer}.mlp.down_proj.weight`, `W2.${l}`);
    same(`${layer}.mlp.up_proj.weight`, `W3.${l}`);
    same(`${layer}.input_layernorm.weight`, `rms_att.${l}`);
    same(`${layer}.post_attention_layernorm.weight`, `rms_ffn.${l}`);
    for (const [name, c, heads] of [
      ["q", "Wq", SMALL.H],
      ["k", "Wk", SMALL.K],
    ] as const) {
      const stored = words.get(`${c}.${l}`)!;
      const read = wordsOf(set, `${layer}.self_attn.${name}_proj.weight`);
      const { E, D } = SMALL;
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < E / 2; i++) {
          const row = (list: Uint32Array, r: number) =>
            list.slice((h * E + r) * D, (h * E + r + 1) * D);
          expect(row(stored, 2 * i)).toEqual(row(read, i));
          expect(row(stored, 2 * i + 1)).toEqual(row(read, E / 2 + i));
        }
      }
    }
  }
  same("model.norm.weight", "rms_final");
  same("model.embed_tokens.weight", "embed");
  const second = set.optimizer!.second.get("model.layers.1.mlp.up_proj.weight")!;
  expect(new Uint32Array(second.data.buffer)).toEqual(words.get("W3.1.v"));
  expect(set.training).toEqual({
    ...{ step: 77, totalSteps: 5000, lr: Math.fround(2.5e-4), loss: 3.25 },
    ...{ cumTrain: 1234.5, cumWall: 2345.5, cumSteps: 70, adamT: 11 },
  });
});

test("Orion's files of version 2, a shorter header and another order, hold the same", () => {
  const sizes = { ...SMALL, K: SMALL.H };
  const { bytes, words } = blztByHand(sizes, { order: "orion", version: 2 });
  const path = write(bytes);
  expect(inspectBlzt(path).origin).toBe("orion");
  const set = readBlzt(path);
  expect(set.config).toMatchObject({ kvHeads: 2, headSize: 4, residualScale: 1 });
  expect(wordsOf(set, "model.layers.1.mlp.up_proj.weight")).toEqual(words.get("W3.1"));
  expect(wordsOf(set, "model.embed_tokens.weight")).toEqual(words.get("embed"));
  const first = set.optimizer!.first.get("model.layers.0.mlp.down_proj.weight")!;
  expect(new Uint32Array(first.data.buffer)).toEqual(words.get("W2.0.m"));
});

test("files of version 2 of maderix are told from those of fiale, and where not, the user is asked", () => {
  const wide = { ...SMALL, K: SMALL.H };
  const version = 2;
  for (const group of [0, 10]) {
    const { bytes } = blztByHand(wide, { version, fields: { 84: group } });
    expect(inspectBlzt(write(bytes)).origin).toBe("maderix");
    expect(readBlzt(at()).config).toMatchObject({ kvHeads: 2, residualScale: 1 });
  }
  const shared = blztByHand(SMALL, { version, fields: { 84: 1 } });
  expect(inspectBlzt(write(shared.bytes)).origin).toBe("fiale");
  expect(userError(() => readBlzt(at()))).toMatch(/^E0775 .* has no rotary embedding/);

  const either = blztByHand(wide, { version, fields: { 84: 2 } });
  expect(userError(() => readBlzt(write(either.bytes)))).toMatch(
    /^E0774 .* may be of maderix\/ANE or fiale-plus/,
  );
  expect(readBlzt(at(), { blztOrigin: "maderix" }).config.kvHeads).toBe(2);
  expect(userError(() => readBlzt(at(), { blztOrigin: "fiale" }))).toMatch(/^E0775/);
});

test("without a JSON file what the header does not hold is assumed, and said", () => {
  const warnings: Diagnostic[] = [];
  const read = (sizes: BlztSizes, fields: Record<number, number> = {}) =>
    readBlzt(write(blztByHand(sizes, { fields }).bytes), { report: (w) => warnings.push(w) })
      .config;
  // A run from random weights; a file that no run has touched.
  expect(read(SMALL)).toMatchObject({ ropeTheta: 10_000, residualScale: 1 / 2, normEps: 1e-5 });
  expect(read(SMALL, { 8: 0, 80: 0 }).residualScale).toBe(1);
  expect(warnings.map((w) => w.title.replace(folder, ""))).toEqual([
    "`/a.bin` has no JSON file beside it: assuming rope base 10000 and residual scale 0.5",
    "`/a.bin` has no JSON file beside it: assuming rope base 10000 and residual scale 1",
  ]);
  const said = readBlzt(at(), {
    ropeTheta: 5e5,
    residualScale: 0.25,
    report: (w) => warnings.push(w),
  });
  expect(said.config).toMatchObject({ ropeTheta: 5e5, residualScale: 0.25 });
  expect(warnings).toHaveLength(2);
});

test.each([
  ["smollm2_135m", 100_000, 1],
  ["smollm2_360m", 100_000, 1],
  ["qwen3_06b", 1_000_000, 1],
  ["autoresearch", 10_000, 1 / Math.sqrt(8)],
])(
  "a trained %s has the rope base and the factor of the model",
  (name, ropeTheta, residualScale) => {
    const header = { ...headerOf(AUTOANE_MODELS[name]!), step: 100, vocabulary: 5 };
    expect(blztDefaults(header, "autoane")).toEqual({
      ...{ name, ropeTheta, residualScale, normEps: 1e-5 },
    });
    const other = blztDefaults({ ...header, layers: 3 }, "autoane");
    expect(other).toMatchObject({ ropeTheta: 10_000, residualScale: 1 / Math.sqrt(6) });
  },
);

test("the JSON file beside a checkpoint carries what the header cannot", () => {
  const set = readBlzt(write(blztByHand(SMALL).bytes));
  const config = {
    ...set.config,
    ropeTheta: 123_456,
    normEps: 1e-6,
    residualScale: 0.3,
    context: 900,
  };
  const tokenizer = { json: '{"a":1}', bos: 1, eos: null };
  writeBlzt(at("b.bin"), { ...set, name: "mine", config, tokenizer });
  const read = readBlzt(at("b.bin"));
  expect(read).toMatchObject({ name: "mine", config, tokenizer });
  // And again: the same bytes, the window of the header included.
  writeBlzt(at("c.bin"), read);
  expect(readFileSync(at("c.bin"))).toEqual(readFileSync(at("b.bin")));
});

test("fp16 and bf16 weights come back as they were", () => {
  const set = readBlzt(write(blztByHand(SMALL, { moments: "zero" }).bytes));
  const tensors = new Map(
    [...set.tensors].map(([name, { shape, data }], i) => {
      const dtype = i % 2 === 0 ? ("F16" as const) : ("BF16" as const);
      const bits = Uint16Array.from({ length: data.length / 4 }, (_, k) => (k * 37 + i) % 0x7000);
      return [name, { dtype, shape, data: new Uint8Array(bits.buffer) }];
    }),
  );
  writeBlzt(at("h.bin"), { ...set, tensors });
  const read = readBlzt(at("h.bin"));
  for (const [name, { dtype, data }] of tensors) {
    expect(read.tensors.get(name)!.dtype).toBe(dtype);
    expect(Buffer.compare(read.tensors.get(name)!.data, data)).toBe(0);
  }
});

test("a JSON file of another checkpoint is noticed, a damaged one named", () => {
  const set = readBlzt(write(blztByHand(SMALL).bytes));
  writeBlzt(at("b.bin"), set);
  const other = readFileSync(at("b.bin"));
  other[200]! ^= 1;
  writeFileSync(at("b.bin"), other);
  expect(userError(() => readBlzt(at("b.bin")))).toMatch(/^E0778 .*was not written for/);
  for (const [text, what] of [
    ["{", "it is not JSON"],
    ["[]", "it is not a JSON object"],
    ['{"format":"x"}', "its `format` is not"],
  ] as const) {
    writeFileSync(sidecarPath(at("b.bin")), text);
    expect(userError(() => readBlzt(at("b.bin")))).toContain(what);
  }
});

test("what the format has no place for is refused by name, and nothing is written", () => {
  const set = readBlzt(write(blztByHand(SMALL).bytes));
  const head = set.tensors.get("model.embed_tokens.weight")!;
  const untied = { ...set, tensors: new Map([...set.tensors, ["lm_head.weight", head]]) };
  expect(userError(() => writeBlzt(at("u.bin"), untied))).toMatch(
    /^E0776 .*the tensor `lm_head.weight`/,
  );
  const norm = set.tensors.get("model.norm.weight")!;
  const qk = {
    ...set,
    tensors: new Map([...set.tensors, ["model.layers.0.self_attn.q_norm.weight", norm]]),
  };
  expect(userError(() => writeBlzt(at("u.bin"), qk))).toContain("q_norm.weight");
  expect(() => readFileSync(at("u.bin"))).toThrow("ENOENT");
});

test("moments of the embedding may be missing; any other length is refused before anything is read", () => {
  const { bytes } = blztByHand(SMALL);
  const short = bytes.subarray(0, bytes.length - 8 * SMALL.V * SMALL.D);
  expect(readBlzt(write(short)).optimizer).toBeNull();
  for (const cut of [1, 4, 95, bytes.length - 96]) {
    expect(userError(() => readBlzt(write(bytes.subarray(0, bytes.length - cut))))).toMatch(
      /^E0773/,
    );
  }
  expect(userError(() => readBlzt(write(Buffer.concat([bytes, Buffer.alloc(4)]))))).toMatch(
    /^E0773/,
  );
  expect(userError(() => readBlzt(write(bytes.subarray(0, 40))))).toMatch(/^E0770/);
  expect(userError(() => readBlzt(write(new Uint8Array(0))))).toMatch(/^E0770/);
});

test.each([
  [0, 0x464b5442, "E0770"],
  [4, 3, "E0771"],
  [8, -1, "E0772"],
  [16, 0, "E0772"],
  [16, 257, "E0772"],
  [24, 2 ** 30, "E0772"],
  [32, 0, "E0772"],
  [40, 0x7fc00000, "E0772"],
  [80, -5, "E0772"],
  [84, 0, "E0772"],
  [84, 3, "E0772"],
  [88, 5, "E0772"],
  [92, 9, "E0772"],
  [20, 500_000, "E0773"],
  [28, 65_536, "E0773"],
])("a header with %i: %i is refused with %s", (offset, value, code) => {
  const { bytes } = blztByHand(SMALL, { fields: { [offset]: value } });
  expect(userError(() => readBlzt(write(bytes)))).toMatch(new RegExp(`^${code}`));
});

/** Bytes of the header that the length of the file does not decide. */
const FREE = [...range(8, 16), ...range(36, 84)];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

test("10,000 mutated headers: refused, but for numbers that any run may have; nothing is allocated", () => {
  const { bytes } = blztByHand(SMALL);
  writeBlzt(at("whole.bin"), readBlzt(write(bytes)));
  const sidecar = readFileSync(sidecarPath(at("whole.bin")));
  const random = createRandom(9);
  const before = process.memoryUsage().arrayBuffers;
  let refused = 0;
  const overwrite = headerWriter(write(bytes));
  for (let i = 0; i < 10_000; i++) {
    const mutated = Uint8Array.from(bytes.subarray(0, 96));
    const places = Array.from({ length: 1 + random.uniformIndex(4) }, () =>
      random.uniformIndex(96),
    );
    for (const place of places) mutated[place]! ^= 1 + random.uniformIndex(255);
    if (places.every((p) => mutated[p] === bytes[p])) continue;
    overwrite(mutated);
    const bare = userError(() => readBlzt(at(), { ropeTheta: 1e4, residualScale: 1 }));
    const isFree = range(0, 96).every((p) => FREE.includes(p) || mutated[p] === bytes[p]);
    if (!isFree) expect(bare).not.toBe("no error");
    refused += bare === "no error" ? 0 : 1;
    if (i % 10 !== 0) continue;
    writeFileSync(sidecarPath(at()), sidecar);
    expect(userError(() => readBlzt(at()))).not.toBe("no error");
    rmSync(sidecarPath(at()));
  }
  expect(refused).toBeGreaterThan(5000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
});
