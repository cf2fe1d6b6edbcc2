/** Readers of binary files. A file with a digest is given the right one, as a stranger would. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { blobValues, readBlobRecord, writeBlob } from "../../../compiler/bundle/blob.ts";
import { loadModel } from "../../../dsl/index.ts";
import { readWeights } from "../../../formats/index.ts";
import { readLora } from "../../../formats/lora_sidecar.ts";
import { encodeSafetensors, parseSafetensors } from "../../../formats/safetensors.ts";
import { fromFloat32, toFloat32 } from "../../../formats/tensor.ts";
import { ATTENTION_TARGETS } from "../../../passes/lora.ts";
import { readCheckpoint } from "../../../training/checkpoint.ts";
import { openData } from "../../../training/data/open_data.ts";
import { readTarGz } from "../../../training/data/tar.ts";
import { openTokenFile } from "../../../training/data/token_file.ts";
import { readAdapters, saveAdapters } from "../../../training/lora/adapter_file.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { files, readRecords } from "../../../training/search/ledger.ts";
import { createTrainer } from "../../../training/trainer.ts";
import { bytesOf } from "../../unit/formats/gguf_support.ts";
import { hfFolder } from "../../unit/formats/hf_models.ts";
import { randomWeights, smallConfig } from "../../unit/formats/random_weights.ts";
import { blztByHand } from "../blzt_files.ts";
import { llama2cBytes, signed } from "../damaged_headers.ts";
import { overwrite } from "../overwrite.ts";
import { BUNDLE } from "./bundles.ts";
import type { FuzzTarget } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "anec-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** The path of a file with these bytes. */
function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  overwrite(path, bytes);
  return path;
}

const config = { ...smallConfig, vocabulary: 32 };
const weights = randomWeights(config, 5);
const blztSizes = { L: 2, V: 11, D: 12, F: 6, H: 4, K: 2, E: 4, S: 32 } as const;
/** What adapters of AutoANE belong to. */
const checkpoint = fileOf("base.bin", blztByHand(blztSizes).bytes);
const base = { checkpoint, config: readWeights(checkpoint).config, unbound: true };
const data = await openData("builtin:stories");

/** The path of a checkpoint in the middle of a group of two. */
function smallRun(lora?: { readonly rank: number }): string {
  const path = join(folder, "seed.ckpt");
  const overrides = { S: 8, D: 8, H: 2, K: 1, E: 4, F: 8, L: 1 };
  const trainer = createTrainer({
    ...{ source: loadModel("tiny"), overrides, data, dataName: "builtin:stories" },
    ...{ settings: { steps: 4, accum: 2 }, device: { threads: 1 } },
    ...(lora === undefined
      ? {}
      : { lora: { rank: lora.rank, scale: 2, targets: ATTENTION_TARGETS, norms: true } }),
  });
  trainer.step();
  trainer.save(path);
  trainer.close();
  return path;
}

export const FILES: readonly FuzzTarget[] = [
  BUNDLE,
  {
    name: "safetensors",
    doc: "tensors with their names",
    seeds() {
      const tensors = new Map([
        ["a", fromFloat32([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6))],
        ["b.c", fromFloat32([4], Float32Array.of(1, 2, 3, 4))],
      ]);
      return [
        Buffer.concat([...encodeSafetensors(tensors, { note: "text" })]),
        readFileSync(join(hfFolder("llama"), "model.safetensors")),
      ];
    },
    read(bytes) {
      const { tensors } = parseSafetensors(bytes, "fuzz.safetensors");
      for (const tensor of tensors.values())
        if (tensor.dtype === "F32" || tensor.dtype === "F16") toFloat32(tensor);
    },
  },
  {
    name: "checkpoint",
    doc: "checkpoints of ours, with the digest that belongs to them: read, and gone on with",
    seeds: () => [readFileSync(smallRun())],
    read(bytes) {
      const path = fileOf("fuzz.ckpt", signed(bytes));
      const checkpoint = readCheckpoint(path);
      resumeTrainer({ checkpoint, data, device: { threads: 1 } }).close();
    },
  },
  {
    name: "adapters",
    doc: "files of adapters, with the digest that belongs to them",
    seeds() {
      const path = join(folder, "seed.adapters");
      saveAdapters(path, readCheckpoint(smallRun({ rank: 2 })));
      return [readFileSync(path)];
    },
    read(bytes) {
      readAdapters(fileOf("fuzz.adapters", signed(bytes)));
    },
  },
  {
    name: "gguf",
    doc: "GGUF models: weights and tokenizer",
    seeds: () => [bytesOf(weights), bytesOf(weights, { dtype: "f16" })],
    read(bytes) {
      readWeights(fileOf("fuzz.gguf", bytes));
    },
  },
  {
    name: "blzt",
    doc: "checkpoints of AutoANE and its relatives",
    seeds: () => [
      blztByHand(blztSizes).bytes,
      blztByHand({ ...blztSizes, H: 2, E: 6 }, { order: "orion", version: 2 }).bytes,
    ],
    read(bytes) {
      readWeights(fileOf("fuzz.bin", bytes));
    },
  },
  {
    name: "llama2c",
    doc: "models of llama2.c",
    seeds: () => [llama2cBytes(weights)],
    read(bytes) {
      readWeights(fileOf("fuzz.llama2c.bin", bytes));
    },
  },
  {
    name: "lora_sidecar",
    doc: "adapters of AutoANE",
    seeds() {
      const { D, H, K, E, L } = blztSizes;
      const rank = 3;
      const sizes = [H * E, K * E, K * E].map((out) => rank * D + out * rank);
      const floats = L * (sizes.reduce((a, b) => a + b, 0) + rank * H * E + D * rank);
      const head = Int32Array.of(0x4c4f5241, rank, L, 5);
      return [Buffer.concat([Buffer.from(head.buffer), Buffer.alloc(4 * floats, 1)])];
    },
    read(bytes) {
      readLora(fileOf("base_lora.bin", bytes), base);
    },
  },
  {
    name: "blob",
    doc: "weight files of MIL programs",
    seeds: () => [
      writeBlob([
        { dtype: "fp16", data: new Uint8Array(32) },
        { dtype: "fp32", data: new Uint8Array(64).fill(1) },
        { dtype: "int4", data: new Uint8Array(5), paddingBits: 4 },
      ]).bytes,
    ],
    read(bytes) {
      for (const offset of [64, 192, 320]) blobValues(readBlobRecord(bytes, offset));
    },
  },
  {
    name: "token_metadata",
    doc: "what stands beside a file of tokens",
    seeds: () => [
      Buffer.from(
        JSON.stringify({
          ...{ version: 1, tokens: 64, vocabulary: 16, dtype: "uint16", tokenizer: "bytes" },
          ...{ bytesPerToken: 1, sha256: "", split: { valStart: 57 } },
          source: { sha256: "", files: ["a.txt"], documents: 1, bytes: 64 },
        }),
      ),
    ],
    read(bytes) {
      const ids = Uint16Array.from({ length: 64 }, (_, i) => i % 16);
      fileOf("tokens.json", bytes);
      openTokenFile(fileOf("tokens.bin", new Uint8Array(ids.buffer)));
    },
  },
  {
    name: "tar_gz",
    doc: "archives of text, unpacked in memory",
    seeds: () => [tarOf("text/one.txt", "once upon a time"), tarOf("two.md", "x".repeat(700))],
    read(bytes) {
      const found = readTarGz(gzipSync(bytes));
      if (!("files" in found)) return false;
      for (const path of found.files.keys())
        if (path.startsWith("/") || path.split(/[/\\]/).includes(".."))
          throw new Error(`${path} leads out of the archive`);
      return true;
    },
  },
  {
    name: "search_records",
    doc: "the records of a search",
    seeds: () => [
      Buffer.from(
        `${JSON.stringify({
          ...{ experiment: 0, status: "keep", config: {}, digest: "a", seeds: [1], losses: [2] },
          ...{ bestLosses: [2], fresh: { seeds: [], losses: [], bestLosses: [] }, runs: [] },
        })}\n`,
      ),
    ],
    read(bytes) {
      fileOf(files.records, bytes);
      readRecords(folder);
    },
  },
];

function tarOf(name: string, text: string): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write("0000644\u0000", 100);
  head.write(`${text.length.toString(8).padStart(11, "0")}\u0000`, 124);
  head.write("0", 156);
  head.write("ustar\u000000", 257);
  head.fill(" ", 148, 156);
  const sum = head.reduce((a, b) => a + b, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148);
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  body.write(text);
  return Buffer.concat([head, body, Buffer.alloc(1024)]);
}
