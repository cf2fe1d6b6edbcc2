/**
 * Models as folders of Hugging Face:
 *
 *   config.json                    sizes and what kind of model it is
 *   model.safetensors              the weights, or
 *   model.safetensors.index.json   which part has which tensor, and model-00001-of-00003.safetensors, …
 *   tokenizer.json                 optional, with tokenizer_config.json and chat_template.jinja; the template is
 *                                  written into tokenizer_config.json
 */
import * as fs from "node:fs";
import { basename, join, resolve } from "node:path";
import {
  dtypeNotWritten,
  modelFileMissing,
  shardIndexDamaged,
} from "../compiler/messages/formats.ts";
import { invariant } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { castLater, type WeightDtype } from "./cast.ts";
import { checkWeights } from "./check_weights.ts";
import { readingFile, readTextBytes } from "./files.ts";
import type { Format, WriteDtype, WriteOptions } from "./format.ts";
import { parseHfConfig, parseObject, printHfConfig } from "./hf_config.ts";
import { encodeSafetensors, readSafetensors } from "./safetensors.ts";
import { byteLengthOf, type Tensor, toFloat32 } from "./tensor.ts";
import { printTokenizerConfig, type TokenizerFiles, tokenizerFrom } from "./tokenizer_config.ts";
import type { TransformerConfig, WeightSet } from "./weights.ts";
import { type FolderFile, writeFolderAtomic } from "./write_folder.ts";

const CONFIG = "config.json";
const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const TOKENIZER = "tokenizer.json";
const TOKENIZER_CONFIG = "tokenizer_config.json";
const CHAT_TEMPLATE = "chat_template.jinja";

/** Bytes of tensors beyond which weights are written in parts, as other programs do. */
const PART_BYTES = 5e9;

export const hfFormat: Format = {
  name: "hf",
  doc: "Hugging Face: a folder with config.json and safetensors",
  extensions: [],
  dtypes: ["f32", "f16", "bf16"],
  keeps: {
    residualScale: false,
    optimizer: false,
    training: false,
    tokenizer: true,
    anyVocabulary: true,
  },
  detect: ({ folder }) => folder?.includes(CONFIG) === true,
  read: readHf,
  write: writeHf,
};

/** Reads a folder; tensors are views of the files' bytes. Throws a `UserError` (E0742 to E0748, those of files). */
export function readHf(folder: string): WeightSet {
  const names = filesIn(folder);
  const configPath = join(folder, CONFIG);
  if (!names.includes(CONFIG)) throw new UserError(modelFileMissing(folder, CONFIG, names));
  const { config, bos, eos } = parseHfConfig(readText(configPath), configPath);
  const { tensors, path } = readTensors(folder, names);
  dropCopies(tensors, config);
  const textOf = (name: string): string | null =>
    names.includes(name) ? readText(join(folder, name)) : null;
  const json = textOf(TOKENIZER);
  return {
    name: basename(resolve(folder)),
    config,
    tensors: checkWeights(tensors, config, path),
    tokenizer:
      json === null
        ? null
        : tokenizerFrom({
            ...{ json, bos, eos, template: textOf(CHAT_TEMPLATE) },
            config: configFile(textOf(TOKENIZER_CONFIG), join(folder, TOKENIZER_CONFIG)),
          }),
    ...{ training: null, optimizer: null },
  };
}

/** The names of regular files: a pipe or a device, which may have no end, is no part of a model. */
function filesIn(folder: string): readonly string[] {
  const isFile = (name: string): boolean =>
    fs.statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true;
  return readingFile(folder, () => fs.readdirSync(folder).sort().filter(isFile));
}

function configFile(text: string | null, path: string): TokenizerFiles["config"] {
  return text === null ? null : { text, path };
}

/** A text file; bytes that are no UTF-8 become U+FFFD. */
function readText(path: string): string {
  return new TextDecoder().decode(readTextBytes(path));
}

interface Tensors {
  readonly tensors: Map<string, Tensor>;
  /** The file to name in messages. */
  readonly path: string;
}

function readTensors(folder: string, names: readonly string[]): Tensors {
  if (names.includes(WEIGHTS)) {
    const path = join(folder, WEIGHTS);
    return { tensors: new Map(readSafetensors(path).tensors), path };
  }
  if (!names.includes(INDEX)) throw new UserError(modelFileMissing(folder, WEIGHTS, names));
  const path = join(folder, INDEX);
  const parts = readIndex(path);
  const tensors = new Map<string, Tensor>();
  for (const [part, expected] of parts) {
    if (!names.includes(part)) throw new UserError(modelFileMissing(folder, part, names));
    const found = readSafetensors(join(folder, part)).tensors;
    for (const [name, tensor] of found) {
      if (!expected.has(name)) fail(path, `it does not list \`${name}\` of \`${part}\``);
      tensors.set(name, tensor);
    }
    for (const name of expected) {
      if (!found.has(name)) fail(path, `\`${part}\` does not hold \`${name}\``);
    }
  }
  return { tensors, path };
}

function fail(path: string, what: string): never {
  throw new UserError(shardIndexDamaged(path, what));
}

/** The tensors of each part. A part is a file in the same folder: no name may lead out of it. */
function readIndex(path: string): Map<string, Set<string>> {
  const index = parseObject(readText(path), path);
  const map = index["weight_map"];
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    fail(path, "`weight_map` is not an object");
  }
  const parts = new Map<string, Set<string>>();
  for (const [name, part] of Object.entries(map)) {
    if (typeof part !== "string") fail(path, `the part of \`${name}\` is not a text`);
    if (!/^[\w.-]+\.safetensors$/.test(part)) {
      fail(path, `the part of \`${name}\` is \`${part}\`, not a safetensors file of the folder`);
    }
    const tensors = parts.get(part) ?? new Set();
    parts.set(part, tensors.add(name));
  }
  return parts;
}

/** Takes out tensors that say nothing new: a tied classifier, and the angles of the rotary embedding. */
function dropCopies(tensors: Map<string, Tensor>, config: TransformerConfig): void {
  const head = tensors.get("lm_head.weight");
  const table = tensors.get("model.embed_tokens.weight");
  if (config.tied && head !== undefined && table !== undefined && isEqual(head, table)) {
    tensors.delete("lm_head.weight");
  }
  for (const [name, tensor] of tensors) {
    if (/^model\.(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/.test(name)) {
      if (isAngles(tensor, config)) tensors.delete(name);
    }
  }
}

function isEqual(a: Tensor, b: Tensor): boolean {
  return a.dtype === b.dtype && Buffer.compare(a.data, b.data) === 0;
}

/** theta^(−2i/E), as older files repeat it in every layer. */
function isAngles(tensor: Tensor, { ropeTheta, headSize }: TransformerConfig): boolean {
  const angles = toFloat32(tensor);
  return (
    angles.length === headSize / 2 &&
    angles.every((a, i) => {
      const expected = ropeTheta ** ((-2 * i) / headSize);
      return Math.abs(a - expected) <= 0.01 * expected;
    })
  );
}

const DTYPE: Readonly<Partial<Record<WriteDtype, WeightDtype>>> = {
  ...{ f32: "F32", f16: "F16", bf16: "BF16" },
};

const TORCH_NAME: Readonly<Record<string, string>> = {
  ...{ F32: "float32", F16: "float16", BF16: "bfloat16" },
};

export interface WriteHfOptions extends WriteOptions {
  /** Tensors of more bytes than this are written in parts. */
  readonly partBytes?: number;
}

/**
 * Writes a folder, whole or not at all. Throws a `UserError`: E0749 if it is there, E0758 for a type that the format
 * has not, E0759 for a number that the type cannot hold, E0701 to E0707.
 */
export function writeHf(folder: string, weights: WeightSet, options: WriteHfOptions = {}): void {
  const { config, tokenizer } = weights;
  invariant(config.residualScale === 1, "the residual scale is folded before");
  const { dtype, partBytes = PART_BYTES } = options;
  const target = dtype === undefined ? undefined : DTYPE[dtype];
  if (dtype !== undefined && target === undefined) {
    throw new UserError(dtypeNotWritten(hfFormat.name, dtype, hfFormat.dtypes));
  }
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of weights.tensors) {
    tensors.set(name, target === undefined ? tensor : castLater(tensor, target, name));
  }
  const { bos = null, eos = null } = tokenizer ?? {};
  const torch = TORCH_NAME[tensors.get("model.embed_tokens.weight")!.dtype]!;
  const files: FolderFile[] = [
    { name: CONFIG, chunks: [utf8(printHfConfig({ config, bos, eos }, torch))] },
    ...weightFiles(tensors, partBytes),
  ];
  if (tokenizer !== null) {
    const told = printTokenizerConfig(tokenizer, config.context);
    files.push({ name: TOKENIZER, chunks: [utf8(tokenizer.json)] });
    files.push({ name: TOKENIZER_CONFIG, chunks: [utf8(told)] });
  }
  writeFolderAtomic(folder, files, { replace: options.replace === true });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** One file, or parts of at most `partBytes` with their index; a tensor that is larger has a part of its own. */
function weightFiles(tensors: ReadonlyMap<string, Tensor>, partBytes: number): FolderFile[] {
  const parts: Map<string, Tensor>[] = [new Map()];
  let [held, total] = [0, 0];
  for (const [name, tensor] of tensors) {
    const bytes = byteLengthOf(tensor);
    if (held > 0 && held + bytes > partBytes) {
      parts.push(new Map());
      held = 0;
    }
    parts.at(-1)!.set(name, tensor);
    held += bytes;
    total += bytes;
  }
  const metadata = { format: "pt" };
  if (parts.length === 1) {
    return [{ name: WEIGHTS, chunks: encodeSafetensors(parts[0]!, metadata) }];
  }
  const digits = (n: number): string => String(n).padStart(5, "0");
  const nameOf = (i: number): string =>
    `model-${digits(i + 1)}-of-${digits(parts.length)}.safetensors`;
  const places = parts.flatMap((part, i) => [...part.keys()].map((name) => [name, nameOf(i)]));
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(places) };
  return [
    { name: INDEX, chunks: [utf8(`${JSON.stringify(index, null, 2)}\n`)] },
    ...parts.map((part, i) => ({ name: nameOf(i), chunks: encodeSafetensors(part, metadata) })),
  ];
}
