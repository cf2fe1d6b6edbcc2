/**
 * LoRA sidecars of AutoANE: the adapters of a model's attention in a file of their own.
 *
 *     i32 0x4C4F5241, rank, layers, updates; for each layer, fp32:
 *     Aq[r, D] Bq[Q, r]  Ak[r, D] Bk[KV, r]  Av[r, D] Bv[KV, r]  Ao[r, Q] Bo[D, r]
 *
 * A weight with its adapter is W + B·A; the rows of Bq and Bk are in the order of those of Wq and Wk. AutoANE
 * saves checkpoints in which adapters are merged already, and takes B·A away again when it reads both.
 *
 * The file does not say which checkpoint it belongs to. Ours have a JSON file beside them that does:
 *
 *     {"format": "anec lora sidecar", "version": 1, "sha256": "…", "checkpoint": "…", "merged": true}
 *
 * with the digests of both files, so that adapters are never applied to other weights.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { loraCannotHold, loraStale, loraUnbound, notLora } from "../compiler/messages/blzt.ts";
import { invariant } from "../compiler/support/bug.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { readJsonFile, sidecarPath } from "./blzt_sidecar.ts";
import { castTensor } from "./cast.ts";
import { digestOfFile, type OpenFile, withOpenFile } from "./file_reader.ts";
import { writeFileBytes } from "./files.ts";
import { interleaveRows, splitRows } from "./rotary_order.ts";
import { elementsOf, type Tensor } from "./tensor.ts";
import type { TransformerConfig } from "./weights.ts";

/** What is added to a weight: B·A. */
export interface LoraPair {
  /** [rank, inputs]. */
  readonly a: Tensor;
  /** [outputs, rank], rows in the neutral order of weights.ts. */
  readonly b: Tensor;
}

export interface LoraAdapters {
  readonly rank: number;
  /** Updates of the optimizer. */
  readonly updates: number;
  /** Whether the weights of the checkpoint are W + B·A already. */
  readonly merged: boolean;
  /** By the name of the weight. */
  readonly pairs: ReadonlyMap<string, LoraPair>;
}

export interface LoraReadOptions {
  /** The checkpoint that the adapters are to be used with. */
  readonly checkpoint: string;
  /** Its sizes. */
  readonly config: TransformerConfig;
  /** Accept a sidecar that does not name its checkpoint, as AutoANE writes them. */
  readonly unbound?: boolean;
}

const MAGIC = 0x4c4f5241;
const HEADER = 16;
const FORMAT = "anec lora sidecar";
const VERSION = 1;
/** AutoANE's ranks are 4 to 32. */
const MOST_RANK = 4096;

/** Tensors of a file in its order. */
function sectionsOf(config: TransformerConfig, rank: number) {
  const { layers, width, heads, kvHeads, headSize } = config;
  const [q, kv] = [heads * headSize, kvHeads * headSize];
  const sections: { name: string; side: "a" | "b"; shape: readonly number[]; rotated: boolean }[] =
    [];
  for (let i = 0; i < layers; i++) {
    for (const [letter, outputs, inputs] of [
      ["q", q, width],
      ["k", kv, width],
      ["v", kv, width],
      ["o", width, q],
    ] as const) {
      const name = `model.layers.${i}.self_attn.${letter}_proj.weight`;
      const rotated = letter === "q" || letter === "k";
      sections.push({ name, side: "a", shape: [rank, inputs], rotated: false });
      sections.push({ name, side: "b", shape: [outputs, rank], rotated });
    }
  }
  return sections;
}

function fail(diagnostic: Diagnostic): never {
  throw new UserError(diagnostic);
}

/** Whether a file begins as a sidecar does. Throws a `UserError` (E0702 to E0707). */
export function isLoraSidecar(path: string): boolean {
  return withOpenFile(path, ({ size, read }) => {
    if (size < HEADER) return false;
    const [magic] = new Int32Array(read(0, 4).buffer);
    return magic === MAGIC;
  });
}

/** Reads a sidecar. Throws a `UserError` (E0784 to E0786, E0702 to E0707). */
export function readLora(path: string, options: LoraReadOptions): LoraAdapters {
  return withOpenFile(path, (file) => {
    const { rank, updates } = readHeader(file, options.config);
    const merged = checkBinding(file, options);
    const pairs = new Map<string, Partial<Record<"a" | "b", Tensor>>>();
    let at = HEADER;
    for (const { name, side, shape, rotated } of sectionsOf(options.config, rank)) {
      const bytes = 4 * elementsOf(shape);
      const tensor: Tensor = { dtype: "F32", shape, data: file.read(at, bytes) };
      at += bytes;
      const neutral = rotated ? splitRows(tensor, options.config.headSize) : tensor;
      pairs.set(name, { ...pairs.get(name), [side]: neutral });
    }
    return { rank, updates, merged, pairs: pairs as ReadonlyMap<string, LoraPair> };
  });
}

/** Checked against the sizes of the model and of the file before anything is read. */
function readHeader(file: OpenFile, config: TransformerConfig) {
  const { path, size } = file;
  if (size < HEADER) fail(notLora(path, `${size} bytes are no header`));
  const head = file.read(0, HEADER);
  const [magic, rank, layers, updates] = new Int32Array(head.buffer) as unknown as [
    ...[number, number, number, number],
  ];
  if (magic !== MAGIC) fail(notLora(path, "it does not begin with `AROL`"));
  if (rank < 1 || rank > MOST_RANK) fail(notLora(path, `its rank would be ${rank}`));
  if (layers !== config.layers) {
    fail(notLora(path, `it is of ${layers} layers, and the checkpoint has ${config.layers}`));
  }
  if (updates < 0 || updates > 1e7) fail(notLora(path, `it would have seen ${updates} updates`));
  const floats = sectionsOf(config, rank).reduce((n, s) => n + elementsOf(s.shape), 0);
  if (size !== HEADER + 4 * floats) {
    fail(notLora(path, `it has ${size} bytes, and the model needs ${HEADER + 4 * floats}`));
  }
  return { rank, updates };
}

/** Whether the checkpoint is merged. Throws E0784 to E0786. */
function checkBinding(file: OpenFile, { checkpoint, unbound }: LoraReadOptions): boolean {
  const own = sidecarPath(file.path);
  const found = fs.statSync(own, { throwIfNoEntry: false });
  if (found === undefined) {
    if (unbound === true) return true;
    return fail(loraUnbound(file.path));
  }
  const damaged = (what: string): Diagnostic => notLora(file.path, `of \`${own}\`, ${what}`);
  const json = readJsonFile(own, found.size, damaged);
  const { format, version, sha256, checkpoint: bound, merged } = json;
  if (format !== FORMAT) fail(damaged(`the \`format\` is not "${FORMAT}"`));
  if (version !== VERSION) fail(damaged(`the \`version\` is not ${VERSION}`));
  if (typeof merged !== "boolean") fail(damaged("`merged` is neither true nor false"));
  if (digestOfFile(file) !== sha256) fail(loraStale(file.path, file.path));
  if (withOpenFile(checkpoint, digestOfFile) !== bound) fail(loraStale(file.path, checkpoint));
  return merged;
}

/**
 * Writes a sidecar and the JSON file that binds it to `checkpoint`, a file that is there already. Throws a
 * `UserError` (E0787, E0701 to E0707).
 */
export function writeLora(
  path: string,
  adapters: LoraAdapters,
  { checkpoint, config }: LoraReadOptions,
): void {
  const bound = withOpenFile(checkpoint, digestOfFile);
  const chunks = [...encodeLora(path, adapters, config)];
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  writeFileBytes(path, chunks);
  const { merged } = adapters;
  const json = { format: FORMAT, version: VERSION, sha256: hash.digest("hex"), checkpoint: bound };
  const text = `${JSON.stringify({ ...json, merged }, null, 2)}\n`;
  writeFileBytes(sidecarPath(path), Buffer.from(text));
}

function* encodeLora(
  path: string,
  { rank, updates, pairs }: LoraAdapters,
  config: TransformerConfig,
): Generator<Uint8Array> {
  const sections = sectionsOf(config, rank);
  const names = [...new Set(sections.map((s) => s.name))];
  for (const name of pairs.keys()) {
    if (!names.includes(name)) fail(loraCannotHold(path, `an adapter of \`${name}\``));
  }
  for (const name of names) {
    if (!pairs.has(name)) fail(loraCannotHold(path, `there is no adapter of \`${name}\``));
  }
  yield new Uint8Array(Int32Array.of(MAGIC, rank, config.layers, updates).buffer);
  for (const { name, side, shape, rotated } of sections) {
    const tensor = pairs.get(name)![side];
    invariant(String(tensor.shape) === String(shape), `adapter ${side} of ${name} is [${shape}]`);
    const plain = castTensor(tensor, "F32", name);
    yield (rotated ? interleaveRows(plain, config.headSize) : plain).data;
  }
}
