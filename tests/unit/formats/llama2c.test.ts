/** Checkpoints of llama2.c, written here as its export.py does. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { llama2cFormat, readLlama2c } from "../../../formats/llama2c.ts";
import { interleaveRows } from "../../../formats/rotary_order.ts";
import type { WeightSet } from "../../../formats/weights.ts";
import { createRandom } from "../../../training/random.ts";
import { headerWriter, userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";

const M = { D: 8, F: 6, L: 3, H: 2, K: 1, V: 9, S: 5 } as const;
const E = M.D / M.H;

let path = "";
beforeEach(() => {
  path = join(testFolder(), "model.bin");
});

interface Shape {
  readonly tied?: boolean;
  readonly table?: boolean;
  readonly theta?: number;
}

type Words = ReadonlyMap<string, Uint32Array>;

/** Tensors by their names in model.py, with random bits. */
function tensors(): Words {
  const random = createRandom(5);
  const { D, F, L, H, K, V } = M;
  const size = {
    ...{ attention_norm: D, ffn_norm: D, wq: D * D, wk: K * E * D, wv: K * E * D, wo: H * E * D },
    ...{ w1: F * D, w2: D * F, w3: F * D },
  };
  const words = new Map<string, Uint32Array>();
  const put = (name: string, n: number) =>
    words.set(
      name,
      Uint32Array.from({ length: n }, () => Math.floor(random.drand48() * 2 ** 32)),
    );
  for (const [name, n] of Object.entries(size)) for (let l = 0; l < L; l++) put(`${name}.${l}`, n);
  put("tok_embeddings", V * D);
  put("norm", D);
  put("output", V * D);
  return words;
}

function bytesOf(list: readonly Uint32Array[]): Uint8Array {
  return Buffer.concat(list.map((words) => new Uint8Array(words.buffer)));
}

const layersOf = (words: Words, name: string) =>
  Array.from({ length: M.L }, (_, l) => words.get(`${name}.${l}`)!);

/** `legacy_export`. */
function unversioned({ tied = true, table = true, theta = 10_000 }: Shape = {}): Uint8Array {
  const words = tensors();
  const { D, F, L, H, K, V, S } = M;
  const header = Int32Array.of(D, F, L, H, K, tied ? V : -V, S);
  const angles = Array.from({ length: S * (E / 2) }, (_, n) => {
    const [position, i] = [Math.floor(n / (E / 2)), n % (E / 2)];
    return position * theta ** ((-2 * i) / E);
  });
  const tables = Float32Array.from([...angles.map(Math.cos), ...angles.map(Math.sin)]);
  return Buffer.concat([
    new Uint8Array(header.buffer),
    bytesOf([words.get("tok_embeddings")!, ...layersOf(words, "attention_norm")]),
    ...["wq", "wk", "wv", "wo", "ffn_norm", "w1", "w2", "w3"].map((n) =>
      bytesOf(layersOf(words, n)),
    ),
    bytesOf([words.get("norm")!]),
    table ? new Uint8Array(tables.buffer) : new Uint8Array(0),
    tied ? new Uint8Array(0) : bytesOf([words.get("output")!]),
  ]);
}

/** `version1_export`. */
function versioned({ tied = true }: Shape = {}, version = 1): Uint8Array {
  const words = tensors();
  const { D, F, L, H, K, V, S } = M;
  const head = Buffer.alloc(256);
  for (const [i, n] of [0x616b3432, version, D, F, L, H, K, V, S].entries())
    head.writeInt32LE(n, 4 * i);
  head[36] = tied ? 1 : 0;
  return Buffer.concat([
    head,
    ...["attention_norm", "ffn_norm"].map((n) => bytesOf(layersOf(words, n))),
    bytesOf([words.get("norm")!, words.get("tok_embeddings")!]),
    ...["wq", "wk", "wv", "wo", "w1", "w2", "w3"].map((n) => bytesOf(layersOf(words, n))),
    tied ? new Uint8Array(0) : bytesOf([words.get("output")!]),
  ]);
}

const NAMES: readonly (readonly [ours: string, theirs: string])[] = [
  ["self_attn.q_proj", "wq"],
  ["self_attn.k_proj", "wk"],
  ["self_attn.v_proj", "wv"],
  ["self_attn.o_proj", "wo"],
  ["mlp.gate_proj", "w1"],
  ["mlp.down_proj", "w2"],
  ["mlp.up_proj", "w3"],
  ["input_layernorm", "attention_norm"],
  ["post_attention_layernorm", "ffn_norm"],
];

function check(set: WeightSet, tied: boolean): void {
  const words = tensors();
  const found = (name: string) => {
    const tensor = set.tensors.get(`${name}.weight`)!;
    const back = /[qk]_proj/.test(name) ? interleaveRows(tensor, E) : tensor;
    return new Uint32Array(Uint8Array.from(back.data).buffer);
  };
  for (let l = 0; l < M.L; l++) {
    for (const [ours, theirs] of NAMES) {
      expect(found(`model.layers.${l}.${ours}`)).toEqual(words.get(`${theirs}.${l}`));
    }
  }
  expect(found("model.embed_tokens")).toEqual(words.get("tok_embeddings"));
  expect(found("model.norm")).toEqual(words.get("norm"));
  if (!tied) expect(found("lm_head")).toEqual(words.get("output"));
  expect(set.tensors.size).toBe(2 + 9 * M.L + (tied ? 0 : 1));
  expect(set.config).toEqual({
    ...{ family: "llama", layers: 3, width: 8, heads: 2, kvHeads: 1, headSize: 4, hidden: 6 },
    ...{ vocabulary: 9, context: 5, ropeTheta: 10_000, normEps: 1e-5, residualScale: 1, tied },
  });
}

function seen(bytes: Uint8Array): boolean {
  return llama2cFormat.detect({
    path,
    folder: null,
    head: bytes.subarray(0, 4096),
    size: bytes.length,
  });
}

test.each([
  ["without a version, tied", unversioned(), true],
  ["without a version, untied", unversioned({ tied: false }), false],
  ["without rotary tables", unversioned({ table: false }), true],
  ["untied, without rotary tables", unversioned({ tied: false, table: false }), false],
  ["of version 1, tied", versioned(), true],
  ["of version 1, untied", versioned({ tied: false }), false],
] as const)("a checkpoint %s holds the same weights", (_name, bytes, tied) => {
  writeFileSync(path, bytes);
  expect(seen(bytes)).toBe(true);
  check(readLlama2c(path), tied);
});

test("weights of 8 bits, unknown versions, other rotary bases and other lengths are refused", () => {
  const fails = (bytes: Uint8Array, options = {}) => {
    writeFileSync(path, bytes);
    return userError(() => readLlama2c(path, options)).replace(path, "x");
  };
  expect(fails(versioned({}, 2))).toMatch(/^E0781 `x` is of version 2 .* weights of 8 bits/);
  expect(fails(versioned({}, 7))).toMatch(/^E0781 .* version 7/);
  expect(fails(unversioned({ theta: 500_000 }))).toMatch(/^E0783 .* not of base 10000/);
  expect(fails(unversioned({ theta: 500_000 }), { ropeTheta: 500_000 })).toBe("no error");
  expect(fails(unversioned().subarray(4))).toMatch(/^E0780/);
  expect(fails(unversioned().subarray(0, 600))).toMatch(/^E0782/);
  expect(fails(versioned().subarray(0, 200))).toMatch(/^E0780/);
  expect(fails(versioned().subarray(0, 300))).toMatch(/^E0782/);
  expect(fails(new Uint8Array(0))).toMatch(/^E0780/);
});

test("10,000 mutated headers are refused, but for a window that fits and a changed magic", () => {
  const random = createRandom(2);
  const before = process.memoryUsage().arrayBuffers;
  const files = [unversioned({ table: false }), versioned()];
  const free = [new Set([24, 25, 26, 27]), new Set([32, 33, 34, 35])];
  const writers = files.map((bytes, i) => {
    writeFileSync(`${path}${i}`, bytes);
    return headerWriter(`${path}${i}`);
  });
  for (let i = 0; i < 10_000; i++) {
    const which = i % 2;
    const bytes = Uint8Array.from(files[which]!.subarray(0, 40));
    const place = random.uniformIndex(which === 0 ? 28 : 37);
    bytes[place]! ^= 1 + random.uniformIndex(255);
    if (random.drand48() < 0.5) bytes[random.uniformIndex(which === 0 ? 24 : 32)]! ^= 128;
    let isOther = false;
    for (let p = 0; p < 40; p++) {
      isOther ||= bytes[p] !== files[which]![p] && !free[which]!.has(p);
    }
    writers[which]!(bytes);
    const said = userError(() => readLlama2c(`${path}${which}`));
    if (isOther) expect(said).toMatch(/^E078/);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
});
