/**
 * Checkpoints of llama2.c, read only. Two layouts, both fp32 and little endian:
 *
 *   without a version   7 i32: width, hidden, layers, heads, key heads, vocabulary (negative: the classifier has
 *                       weights of its own), longest sequence; then
 *                       embedding, attention norms, wq, wk, wv, wo, ffn norms, w1, w2, w3, last norm,
 *                       cosines and sines of the rotary embedding, classifier
 *   version 1           `ak42`, version, the 7 i32, u8 tied, zeros up to byte 256; then
 *                       attention norms, ffn norms, last norm, embedding, wq, wk, wv, wo, w1, w2, w3, classifier
 *
 * Each kind of tensor stands for all layers together. Rows of queries and keys pair (2i, 2i + 1). Some programs
 * leave out the tables of the rotary embedding; the size of the file says so.
 */
import {
  llama2cRotary,
  llama2cSize,
  llama2cVersion,
  notLlama2c,
} from "../compiler/messages/blzt.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { type OpenFile, withOpenFile } from "./file_reader.ts";
import type { Format, ReadOptions } from "./format.ts";
import { splitRows } from "./rotary_order.ts";
import { elementsOf, type Tensor } from "./tensor.ts";
import { expectedTensors, type TransformerConfig, type WeightSet } from "./weights.ts";

const VERSION_MAGIC = 0x616b3432;
const HEADER = 28;
const VERSION_HEADER = 256;

/** A header, and what follows it. */
interface Layout {
  readonly config: TransformerConfig;
  /** Bytes before the first tensor. */
  readonly start: number;
  readonly order: readonly string[];
  /** Floats of each of the two rotary tables. */
  readonly table: number;
}

function fail(diagnostic: Diagnostic): never {
  throw new UserError(diagnostic);
}

const NORMS = ["input_layernorm", "post_attention_layernorm"] as const;
const QKVO = ["q", "k", "v", "o"].map((name) => `self_attn.${name}_proj`);
const FFN = ["mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"];
const [EMBEDDING, LAST_NORM, CLASSIFIER] = ["model.embed_tokens", "model.norm", "lm_head"] as const;
/** Stands for the two tables of the rotary embedding. */
const TABLE = "rotary table";

/** What each layout stores, in its order; a name without a dot stands for all layers. */
const UNVERSIONED = [EMBEDDING, NORMS[0], ...QKVO, NORMS[1], ...FFN, LAST_NORM, TABLE, CLASSIFIER];
const VERSION_1 = [...NORMS, LAST_NORM, EMBEDDING, ...QKVO, ...FFN, CLASSIFIER];

/** Numbers that a model can have, in the order of the header. */
const RANGES = [
  ["width", 1, 16_384],
  ["hidden width", 1, 65_536],
  ["layers", 1, 256],
  ["heads", 1, 256],
  ["key heads", 1, 256],
  ["vocabulary", 1, 500_000],
  ["sequence", 1, 1 << 20],
] as const;

/** Throws a `UserError` (E0780, E0781). */
function readLayout(path: string, head: Uint8Array, options: ReadOptions): Layout {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isVersioned = head.length >= 8 && view.getUint32(0, true) === VERSION_MAGIC;
  const at = isVersioned ? 8 : 0;
  if (head.length < (isVersioned ? VERSION_HEADER : HEADER)) {
    fail(notLlama2c(path, "it is shorter than a header"));
  }
  const version = isVersioned ? view.getInt32(4, true) : 0;
  if (isVersioned && version !== 1) fail(llama2cVersion(path, version));
  const numbers = RANGES.map((_, i) => view.getInt32(at + 4 * i, true));
  // The sign of the vocabulary is a flag of the first layout.
  const isTied = isVersioned ? head[at + HEADER] === 1 : numbers[5]! > 0;
  if (isVersioned && head[at + HEADER]! > 1)
    fail(notLlama2c(path, "it is neither tied nor untied"));
  if (!isVersioned) numbers[5] = Math.abs(numbers[5]!);
  for (const [i, [name, min, max]] of RANGES.entries()) {
    const value = numbers[i]!;
    if (value < min || value > max) fail(notLlama2c(path, `its ${name} would be ${value}`));
  }
  const [width, hidden, layers, heads, kvHeads, vocabulary, context] = numbers as [
    ...[number, number, number, number, number, number, number],
  ];
  const headSize = width / heads;
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) {
    fail(notLlama2c(path, `${heads} heads do not share its width ${width}`));
  }
  if (heads % kvHeads !== 0)
    fail(notLlama2c(path, `${kvHeads} key heads do not share ${heads} heads`));
  return {
    config: {
      family: "llama",
      ...{ layers, width, heads, kvHeads, headSize, hidden, vocabulary, context },
      ropeTheta: options.ropeTheta ?? 10_000,
      normEps: options.normEps ?? 1e-5,
      residualScale: options.residualScale ?? 1,
      tied: isTied,
    },
    start: isVersioned ? VERSION_HEADER : HEADER,
    order: isVersioned ? VERSION_1 : UNVERSIONED,
    table: isVersioned ? 0 : context * (headSize / 2),
  };
}

/** Sizes that the file can have, without the rotary tables and with them. */
function sizesOf({ config, start, table }: Layout): number[] {
  const { width, layers, vocabulary, tied } = config;
  let floats = vocabulary * width * (tied ? 1 : 2) + width;
  // One layer stands for all: their names are made once the size is known to be right.
  const one = expectedTensors({ ...config, layers: 1 });
  for (const [name, shape] of one)
    if (name.includes(".layers.")) floats += layers * elementsOf(shape);
  const plain = start + 4 * floats;
  return table === 0 ? [plain] : [plain, plain + 8 * table];
}

/** Whether the first bytes and the size are those of a checkpoint of llama2.c. */
function isLlama2c(head: Uint8Array, size: number): boolean {
  if (
    head.length >= 4 &&
    new DataView(head.buffer, head.byteOffset).getUint32(0, true) === VERSION_MAGIC
  ) {
    return true;
  }
  try {
    return sizesOf(readLayout("", head, {})).includes(size);
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** Reads a checkpoint. Throws a `UserError` (E0780 to E0783, E0702 to E0707). */
export function readLlama2c(path: string, options: ReadOptions = {}): WeightSet {
  return withOpenFile(path, (file) => {
    const layout = readLayout(path, file.read(0, Math.min(file.size, VERSION_HEADER)), options);
    const sizes = sizesOf(layout);
    if (!sizes.includes(file.size)) fail(llama2cSize(path, file.size, sizes));
    const hasTable = file.size !== sizes[0];
    const { config } = layout;
    const tensors = new Map<string, Tensor>();
    const shapes = expectedTensors(config);
    let at = layout.start;
    const take = (name: string): void => {
      const shape = shapes.get(name)!;
      const bytes = 4 * elementsOf(shape);
      const tensor: Tensor = { dtype: "F32", shape, data: file.read(at, bytes) };
      const isRotated = /self_attn\.[qk]_proj/.test(name);
      tensors.set(name, isRotated ? splitRows(tensor, config.headSize) : tensor);
      at += bytes;
    };
    for (const kind of layout.order) {
      if (kind === TABLE) {
        if (hasTable) checkTable(file, at, layout);
        if (hasTable) at += 8 * layout.table;
      } else if (kind === EMBEDDING || kind === LAST_NORM) take(`${kind}.weight`);
      else if (kind === CLASSIFIER) {
        if (!config.tied) take(`${kind}.weight`);
      } else for (let i = 0; i < config.layers; i++) take(`model.layers.${i}.${kind}.weight`);
    }
    return {
      name: `llama2c-${config.layers}l-${config.width}d`,
      config,
      tensors: new Map([...shapes.keys()].map((name) => [name, tensors.get(name)!])),
      tokenizer: null,
      training: null,
      optimizer: null,
    };
  });
}

/** The cosines of the first positions say the base: cos(position · theta^(−2i/E)). */
function checkTable(file: OpenFile, at: number, { config, table }: Layout): void {
  const pairs = config.headSize / 2;
  const rows = Math.min(64, table / pairs);
  const cosines = new Float32Array(file.read(at, 4 * rows * pairs).buffer);
  for (let position = 0; position < rows; position++) {
    for (let i = 0; i < pairs; i++) {
      const expected = Math.cos(position * config.ropeTheta ** ((-2 * i) / config.headSize));
      const found = cosines[position * pairs + i]!;
      if (!(Math.abs(found - expected) < 1e-4)) {
        fail(llama2cRotary(file.path, config.ropeTheta, position, i, found));
      }
    }
  }
}

/** As an entry of the list of formats. */
export const llama2cFormat: Format = {
  name: "llama2c",
  doc: "llama2c: a checkpoint of llama2.c (.bin), read only",
  extensions: [".bin"],
  dtypes: [],
  keeps: {
    residualScale: false,
    optimizer: false,
    training: false,
    tokenizer: false,
    anyVocabulary: false,
  },
  detect: ({ head, size, folder }) => folder === null && isLlama2c(head, size),
  read: readLlama2c,
};
