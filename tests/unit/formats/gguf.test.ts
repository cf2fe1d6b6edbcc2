/** Models in GGUF files: their tensors bit for bit, in every type. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Diagnostic } from "../../../compiler/support/diagnostic.ts";
import { castTensor } from "../../../formats/cast.ts";
import type { WriteDtype } from "../../../formats/format.ts";
import { ggufFormat, parseGguf, readGguf, writeGguf } from "../../../formats/gguf.ts";
import { parseGgufParts } from "../../../formats/gguf_parse.ts";
import { dequantize, quantizeQ8 } from "../../../formats/quantized.ts";
import { interleaveRows, splitRows } from "../../../formats/rotary_order.ts";
import { fromFloat32, toFloat32 } from "../../../formats/tensor.ts";
import { families, type TransformerConfig } from "../../../formats/weights.ts";
import { randomWeights, smallConfig } from "../../support/random_weights.ts";
import { testFolder } from "../data/support.ts";
import { bytesOf, errorIn, expectSameTensors } from "./gguf_support.ts";

const config: fc.Arbitrary<TransformerConfig> = fc
  .record({
    family: fc.constantFrom(...families),
    layers: fc.integer({ min: 1, max: 3 }),
    width: fc.integer({ min: 1, max: 20 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    half: fc.integer({ min: 1, max: 5 }),
    hidden: fc.integer({ min: 1, max: 20 }),
    vocabulary: fc.integer({ min: 1, max: 20 }),
    context: fc.integer({ min: 1, max: 2 ** 20 }),
    ropeTheta: fc.constantFrom(10000, 100000, 500000, 1e6, 12345.5),
    normEps: fc.constantFrom(1e-5, 1e-6, 1e-12),
    tied: fc.boolean(),
  })
  .map(({ groups, half, ...rest }) => ({
    ...rest,
    ...{ heads: rest.kvHeads * groups, headSize: 2 * half, residualScale: 1 },
  }));

test("every family goes through a file bit for bit", () => {
  fc.assert(
    fc.property(config, fc.nat(), (c, seed) => {
      const weights = randomWeights(c, { seed: seed % 2 ** 31, name: "a model" });
      const read = parseGguf(bytesOf(weights), "x");
      expect(read.config).toEqual(c);
      expect(read.name).toBe("a model");
      expectSameTensors(read, weights);
    }),
  );
});

test.each(["F16", "BF16"] as const)(
  "matrices of %s keep their type, vectors become F32",
  (dtype) => {
    const full = randomWeights(smallConfig);
    const tensors = new Map(
      [...full.tensors].map(([name, t]) => [name, castTensor(t, dtype, name)] as const),
    );
    const read = parseGguf(bytesOf({ ...full, tensors }), "x");
    const expected = new Map(
      [...tensors].map(
        ([name, t]) => [name, t.shape.length === 1 ? castTensor(t, "F32", name) : t] as const,
      ),
    );
    expectSameTensors(read, { ...full, tensors: expected });
  },
);

test.each([
  ["f32", 0],
  ["f16", 1],
  ["q8_0", 7],
  ["bf16", 32],
] as const)("asked for, all matrices are %s", (dtype: WriteDtype, fileType) => {
  const weights = randomWeights(smallConfig);
  const bytes = bytesOf(weights, { dtype });
  const { values, tensors } = parseGgufParts(bytes, "x");
  expect(values.get("general.file_type")).toEqual({ type: "u32", value: fileType });
  for (const [name, { type, shape }] of tensors) {
    expect([name, type]).toEqual([name, shape.length === 1 ? "F32" : dtype.toUpperCase()]);
  }
  // Rows are moved before they are quantised: blocks are those of the rows in the file.
  const q = weights.tensors.get("model.layers.0.self_attn.q_proj.weight")!;
  const turned = toFloat32(interleaveRows(q, smallConfig.headSize));
  const lying = tensors.get("blk.0.attn_q.weight")!;
  if (dtype === "q8_0") {
    expect(Buffer.compare(lying.data, quantizeQ8(turned))).toBe(0);
    const back = splitRows(fromFloat32(q.shape, dequantize("Q8_0", lying.data)), 16);
    const read = parseGguf(bytes, "x").tensors.get("model.layers.0.self_attn.q_proj.weight")!;
    expect(Buffer.compare(read.data, back.data)).toBe(0);
  }
});

test("rows that are not made of blocks of Q8_0 are F16, and it is said", () => {
  const warnings: Diagnostic[] = [];
  const weights = randomWeights({ ...smallConfig, hidden: 48 });
  const bytes = bytesOf(weights, { dtype: "q8_0", report: (w) => warnings.push(w) });
  expect(parseGgufParts(bytes, "x").tensors.get("blk.0.ffn_down.weight")!.type).toBe("F16");
  expect(warnings.map((w) => w.title)).toEqual([
    "2 tensors of `x` are written as F16, not as Q8_0",
  ]);
});

test("numbers that a type cannot hold are refused, and nothing is written", () => {
  const weights = randomWeights(smallConfig);
  const name = "model.layers.1.mlp.up_proj.weight";
  const values = toFloat32(weights.tensors.get(name)!).slice();
  values[5] = 70000;
  const tensors = new Map(weights.tensors).set(name, fromFloat32([64, 32], values));
  const path = join(testFolder(), "a.gguf");
  expect(errorIn(() => writeGguf(path, { ...weights, tensors }, { dtype: "f16" }))).toMatch(
    /^E0759 .*ffn_up.* holds 70000/,
  );
  expect(readdirSync(join(path, ".."))).toEqual([]);
  values[5] = Number.NaN;
  expect(errorIn(() => writeGguf(path, { ...weights, tensors }, { dtype: "q8_0" }))).toMatch(
    /^E0759 .* holds NaN/,
  );
  writeGguf(path, { ...weights, tensors });
  expectSameTensors(readGguf(path), { ...weights, tensors });
});

test("a residual scale is multiplied into the last matrices of each block", () => {
  const weights = randomWeights({ ...smallConfig, residualScale: 0.25 });
  const read = parseGguf(bytesOf(weights), "x");
  expect(read.config.residualScale).toBe(1);
  const scaled = new Map(weights.tensors);
  for (const [name, tensor] of weights.tensors) {
    if (!/o_proj|down_proj/.test(name)) continue;
    scaled.set(
      name,
      fromFloat32(
        tensor.shape,
        toFloat32(tensor).map((x) => x * 0.25),
      ),
    );
  }
  expectSameTensors(read, { ...weights, config: read.config, tensors: scaled });
  expect(ggufFormat.keeps.residualScale).toBe(false);
});

test("the order of rows goes both ways, and pairs what it says", () => {
  const rows = fromFloat32([8, 1], Float32Array.from([0, 1, 2, 3, 10, 11, 12, 13]));
  expect([...toFloat32(interleaveRows(rows, 4))]).toEqual([0, 2, 1, 3, 10, 12, 11, 13]);
  expect([...toFloat32(splitRows(interleaveRows(rows, 4), 4))]).toEqual([...toFloat32(rows)]);
  expect([...toFloat32(interleaveRows(splitRows(rows, 8), 8))]).toEqual([...toFloat32(rows)]);
});

// A file that llama.cpp's own package wrote: tests/numerics/gguf_py/make.py.

const tiny = readFileSync(join(import.meta.dirname, "../../numerics/gguf_py/tiny.gguf"));
const NAMES = [
  ...["token_embd", "blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v", "blk.0.attn_output"],
  ...["blk.0.ffn_gate", "blk.0.ffn_down", "blk.0.ffn_up", "blk.0.attn_norm", "blk.0.ffn_norm"],
  "output_norm",
];

test("a file of gguf-py: values of all types, tensors of all types", () => {
  const { values, tensors } = parseGgufParts(tiny, "tiny.gguf");
  const found = Object.fromEntries(
    [...values].filter(([key]) => key.startsWith("test.")).map(([key, v]) => [key.slice(5), v]),
  );
  const one = (type: string, value: unknown) => ({ type, value });
  expect(found).toEqual({
    u8: one("u8", 255),
    i8: one("i8", -128),
    u16: one("u16", 65535),
    i16: one("i16", -32768),
    u32: one("u32", 2 ** 32 - 1),
    i32: one("i32", -(2 ** 31)),
    f32: one("f32", 0.5),
    bool: one("bool", true),
    string: one("string", "äöü 🙂"),
    u64: one("u64", 2n ** 64n - 1n),
    i64: one("i64", -(2n ** 63n)),
    f64: one("f64", 0.1),
    list: { type: "array", of: "i32", items: [1, -2, 3] },
  });
  for (const [k, name] of NAMES.entries()) {
    const { type, shape, data } = tensors.get(`${name}.weight`)!;
    const length = shape.reduce((a, b) => a * b, 1);
    const exact = Float32Array.from(
      { length },
      (_, i) => (((i * 7919 + k * 104729) % 251) - 125) / 64,
    );
    if (type === "Q8_0") expect(Buffer.compare(data, quantizeQ8(exact)), name).toBe(0);
    const read =
      type === "F32" || type === "F16" || type === "BF16"
        ? toFloat32({ dtype: type, shape, data })
        : dequantize(type, data);
    const bound = type === "Q4_0" ? 0.26 : type === "Q8_0" ? 0.009 : 0;
    for (const [i, x] of exact.entries()) {
      expect(Math.abs(read[i]! - x), `${name} ${i}`).toBeLessThanOrEqual(bound);
    }
  }
});

test("a file of gguf-py: the model", () => {
  const { config: found, name, tensors } = parseGguf(tiny, "tiny.gguf");
  expect(name).toBe("tiny of gguf-py");
  expect(found).toEqual({
    ...{ family: "llama", layers: 1, width: 32, heads: 2, kvHeads: 1, headSize: 16, hidden: 32 },
    ...{ vocabulary: 12, context: 64, ropeTheta: 100000, normEps: 1e-5 },
    ...{ residualScale: 1, tied: true },
  });
  const dtypes = new Set([...tensors.values()].map((t) => t.dtype));
  expect([...dtypes].sort()).toEqual(["BF16", "F16", "F32"]);
});

test("a file is recognised by its first bytes", () => {
  const probe = { path: "a", folder: null, size: 4 };
  expect(ggufFormat.detect({ ...probe, head: Buffer.from("GGUF") })).toBe(true);
  expect(ggufFormat.detect({ ...probe, head: Buffer.from("GGU") })).toBe(false);
  expect(ggufFormat.detect({ ...probe, folder: [], head: Buffer.from("GGUF") })).toBe(false);
});

test("a file that is there is replaced only by a whole one", () => {
  const path = join(testFolder(), "a.gguf");
  writeFileSync(path, "old");
  writeGguf(path, randomWeights(smallConfig, { seed: 2 }));
  expectSameTensors(readGguf(path), randomWeights(smallConfig, { seed: 2 }));
  expect(readdirSync(join(path, ".."))).toEqual(["a.gguf"]);
});
