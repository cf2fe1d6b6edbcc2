/** LoRA sidecars: the bytes of AutoANE, bound to one checkpoint. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { readBlzt, writeBlzt } from "../../../formats/blzt.ts";
import { type LoraAdapters, readLora, writeLora } from "../../../formats/lora_sidecar.ts";
import type { TransformerConfig } from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";
import { blztByHand } from "../../support/blzt_files.ts";
import { headerWriter, userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";

const M = { L: 2, V: 11, D: 12, F: 6, H: 4, K: 2, E: 4, S: 32 } as const;
const [Q, KV] = [M.H * M.E, M.K * M.E];
const RANK = 3;

let folder = "";
let checkpoint = "";
let config: TransformerConfig;
beforeEach(() => {
  folder = testFolder();
  checkpoint = join(folder, "base.bin");
  writeFileSync(checkpoint, blztByHand(M).bytes);
  const set = readBlzt(checkpoint);
  writeBlzt(checkpoint, set);
  config = set.config;
});

const lora = (): string => join(folder, "base_lora.bin");

/** A file as AutoANE's `save_lora` writes it: element n holds the number n. */
function byHand(header = [0x4c4f5241, RANK, M.L, 5]): Uint8Array {
  const floats: number[] = [];
  for (let l = 0; l < M.L; l++) {
    for (const [outputs, inputs] of [
      [Q, M.D],
      [KV, M.D],
      [KV, M.D],
      [M.D, Q],
    ] as const) {
      for (let i = 0; i < RANK * inputs + outputs * RANK; i++) floats.push(floats.length);
    }
  }
  const head = new Uint8Array(Int32Array.from(header).buffer);
  return Buffer.concat([head, new Uint8Array(Float32Array.from(floats).buffer)]);
}

const floatsOf = (data: Uint8Array) => [...new Float32Array(Uint8Array.from(data).buffer)];

test("adapters are read by name; rows of q and k are those of the neutral order", () => {
  writeFileSync(lora(), byHand());
  const read = readLora(lora(), { checkpoint, config, unbound: true });
  expect(read).toMatchObject({ rank: 3, updates: 5, merged: true });
  expect(read.pairs.size).toBe(8);
  const q = read.pairs.get("model.layers.0.self_attn.q_proj.weight")!;
  expect([q.a.shape, q.b.shape]).toEqual([
    [RANK, M.D],
    [Q, RANK],
  ]);
  expect(floatsOf(q.a.data)).toEqual(Array.from({ length: RANK * M.D }, (_, i) => i));
  // Row 1 of a head of four in the neutral order is row 2 of the file.
  const start = RANK * M.D;
  expect(floatsOf(q.b.data).slice(RANK, 2 * RANK)).toEqual([6, 7, 8].map((n) => start + n));
  const v = read.pairs.get("model.layers.0.self_attn.v_proj.weight")!;
  const before = RANK * (M.D + Q) + RANK * (M.D + KV) + RANK * M.D;
  expect(floatsOf(v.b.data)).toEqual(Array.from({ length: KV * RANK }, (_, i) => before + i));
});

test("file → adapters → file, bit for bit, and bound to its checkpoint", () => {
  writeFileSync(lora(), byHand());
  const adapters = readLora(lora(), { checkpoint, config, unbound: true });
  const own = join(folder, "own_lora.bin");
  writeLora(own, adapters, { checkpoint, config });
  expect(Buffer.compare(readFileSync(own), byHand())).toBe(0);
  expect(readLora(own, { checkpoint, config })).toEqual(adapters);
});

test("a sidecar that names no checkpoint, another one, or has changed is refused", () => {
  writeFileSync(lora(), byHand());
  const read = () => userError(() => readLora(lora(), { checkpoint, config }));
  expect(read()).toMatch(/^E0786/);
  const adapters = readLora(lora(), { checkpoint, config, unbound: true });
  writeLora(lora(), adapters, { checkpoint, config });
  expect(read()).toBe("no error");

  const whole = readFileSync(lora());
  whole[40]! ^= 1;
  writeFileSync(lora(), whole);
  expect(read()).toMatch(/^E0785 .*base_lora.bin` is stale: `.*base_lora.bin`/);

  writeLora(lora(), adapters, { checkpoint, config });
  const base = readFileSync(checkpoint);
  base[base.length - 1]! ^= 1;
  writeFileSync(checkpoint, base);
  expect(read()).toMatch(/^E0785 .*is stale: `.*base.bin`/);
  // Naming it unbound does not help: it is bound, to something else.
  expect(userError(() => readLora(lora(), { checkpoint, config, unbound: true }))).toMatch(
    /^E0785/,
  );
  writeFileSync(`${lora()}.json`, "{}");
  expect(read()).toMatch(/^E0784/);
  rmSync(`${lora()}.json`);
  expect(read()).toMatch(/^E0786/);
});

test("adapters that the format has no place for are refused", () => {
  writeFileSync(lora(), byHand());
  const adapters = readLora(lora(), { checkpoint, config, unbound: true });
  const [name, pair] = [...adapters.pairs][0]!;
  const write = (pairs: LoraAdapters["pairs"]) =>
    userError(() => writeLora(join(folder, "x"), { ...adapters, pairs }, { checkpoint, config }));
  const more = new Map([...adapters.pairs, ["model.layers.0.mlp.up_proj.weight", pair]]);
  expect(write(more)).toMatch(/^E0787 .*mlp.up_proj.weight/);
  const fewer = new Map([...adapters.pairs].slice(1));
  expect(write(fewer)).toContain(`no adapter of \`${name}\``);
});

test("10,000 mutated headers are refused, but for the number of updates", () => {
  const random = createRandom(4);
  const whole = byHand();
  const before = process.memoryUsage().arrayBuffers;
  writeFileSync(lora(), whole);
  const overwrite = headerWriter(lora());
  for (let i = 0; i < 10_000; i++) {
    const bytes = Uint8Array.from(whole.subarray(0, 16));
    bytes[random.uniformIndex(16)]! ^= 1 + random.uniformIndex(255);
    overwrite(bytes);
    const said = userError(() => readLora(lora(), { checkpoint, config, unbound: true }));
    const isOther = [...bytes.subarray(0, 12)].some((b, p) => b !== whole[p]);
    if (isOther) expect(said).toMatch(/^E0784/);
  }
  for (const n of [0, 15, 16, 20, whole.length - 4]) {
    writeFileSync(lora(), whole.subarray(0, n));
    expect(userError(() => readLora(lora(), { checkpoint, config, unbound: true }))).toMatch(
      /^E0784/,
    );
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
});
