/** Checkpoints of AutoANE through GGUF and back, bit for bit. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readBlzt, writeBlzt } from "../../../formats/blzt.ts";
import { readGguf, writeGguf } from "../../../formats/gguf.ts";
import { parseGgufParts } from "../../../formats/gguf_parse.ts";
import { toFloat32 } from "../../../formats/tensor.ts";
import type { TransformerConfig } from "../../../formats/weights.ts";
import { randomWeights, smallConfig } from "../../support/random_weights.ts";
import { testFolder } from "../data/support.ts";
import { expectSameTensors } from "./gguf_support.ts";

/** The proportions of AutoANE's models, smaller. */
const models: Readonly<Record<string, Partial<TransformerConfig>>> = {
  autoresearch: { layers: 4, width: 64, heads: 8, kvHeads: 2, headSize: 8, hidden: 176 },
  stories110m: { layers: 3, width: 48, heads: 6, kvHeads: 6, headSize: 8, hidden: 128 },
  smollm2_135m: { layers: 5, width: 36, heads: 9, kvHeads: 3, headSize: 4, hidden: 96 },
  smollm2_360m: { layers: 5, width: 60, heads: 15, kvHeads: 5, headSize: 4, hidden: 160 },
  qwen3_06b: { layers: 4, width: 32, heads: 8, kvHeads: 4, headSize: 8, hidden: 96 },
};

test.each(Object.entries(models))("%s: BLZT to GGUF to BLZT", (name, sizes) => {
  const folder = testFolder();
  const path = (file: string): string => join(folder, file);
  const config = { ...smallConfig, ...sizes, context: 256, ropeTheta: 100000 };
  const weights = randomWeights(config, { name });
  writeBlzt(path("a.blzt"), weights);
  const read = readBlzt(path("a.blzt"));
  writeGguf(path("a.gguf"), read);
  const back = readGguf(path("a.gguf"));
  expect(back.config).toEqual(config);
  expectSameTensors(back, weights);
  writeBlzt(path("b.blzt"), back);
  const [first, second] = [readFileSync(path("a.blzt")), readFileSync(path("b.blzt"))];
  expect(Buffer.compare(first, second)).toBe(0);
});

test("rows of queries and keys lie in a GGUF file of a Llama as in BLZT", () => {
  const folder = testFolder();
  const config = { ...smallConfig, layers: 1 };
  writeBlzt(join(folder, "a.blzt"), randomWeights(config));
  writeGguf(join(folder, "a.gguf"), randomWeights(config));
  const { tensors } = parseGgufParts(readFileSync(join(folder, "a.gguf")), "a");
  const q = tensors.get("blk.0.attn_q.weight")!.data;
  // Wq is the first of BLZT's weights, behind its header.
  expect(Buffer.compare(readFileSync(join(folder, "a.blzt")).subarray(96, 96 + q.length), q)).toBe(
    0,
  );
  expect(q.length).toBe(4 * 64 * 32);
});

test("a residual scale is in the weights after GGUF, and gone from the description", () => {
  const folder = testFolder();
  const config = { ...smallConfig, residualScale: 1 / Math.sqrt(8) };
  const weights = randomWeights(config);
  writeBlzt(join(folder, "a.blzt"), weights);
  writeGguf(join(folder, "a.gguf"), readBlzt(join(folder, "a.blzt")));
  const back = readGguf(join(folder, "a.gguf"));
  expect(back.config.residualScale).toBe(1);
  const name = "model.layers.0.mlp.down_proj.weight";
  expect(toFloat32(back.tensors.get(name)!)).toEqual(
    toFloat32(weights.tensors.get(name)!).map((x) => x * config.residualScale),
  );
});
