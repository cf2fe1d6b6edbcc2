/** A model to generate with or to evaluate, from a file of any format, with adapters of another, and its tokenizer. */
import type { ReadOptions } from "../formats/format.ts";
import { detectFormat } from "../formats/index.ts";
import { isLoraSidecar, readLora } from "../formats/lora_sidecar.ts";
import { parseTokenizerJson, tokenizerId } from "../formats/tokenizer_json.ts";
import { anecFormat } from "./anec_format.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { loadTokenizer, type Tokenizer, tokenizerNames } from "./data/tokenizers.ts";
import { checkpointOf } from "./foreign_model.ts";
import { readAdapters, withAdapters } from "./lora/adapter_file.ts";
import { mergeAdapters } from "./lora/merge.ts";
import { withSidecar } from "./lora/sidecar.ts";

export interface OpenModelOptions extends ReadOptions {
  /** A file of adapters for the model: ours, or a LoRA sidecar of AutoANE. */
  readonly adapters?: string;
  /** Take a sidecar that does not name its checkpoint. */
  readonly unbound?: boolean;
}

/** Reads a checkpoint, with adapters merged, or a model of another program as one. Throws a `UserError`. */
export function openModel(path: string, options: OpenModelOptions = {}): Checkpoint {
  const { adapters, ...read } = options;
  if (adapters !== undefined) return openWithAdapters(path, adapters, options).merged();
  const format = detectFormat(path);
  if (format === anecFormat) return mergeAdapters(readCheckpoint(path));
  return { ...checkpointOf(format.read(path, read)), path };
}

/** A model whose adapters come in a file of their own. */
export interface AdaptedModel {
  /** As it is trained: the adapters beside the weights. */
  readonly beside: Checkpoint;
  /** As it is used: one set of weights. */
  merged(): Checkpoint;
}

/**
 * Reads a model and adapters for it. Throws a `UserError`: E0943 and E0944 for adapters that are none or belong to
 * other weights, E0784 to E0786 for sidecars, those of formats and checkpoints.
 */
export function openWithAdapters(
  path: string,
  adapters: string,
  { unbound = false, adapters: _, ...read }: OpenModelOptions = {},
): AdaptedModel {
  if (!isLoraSidecar(adapters)) {
    const beside = withAdapters(openModel(path, read), readAdapters(adapters));
    return { beside, merged: () => mergeAdapters(beside) };
  }
  const weights = detectFormat(path).read(path, read);
  const base = { ...checkpointOf({ ...weights, optimizer: null }), path };
  const { config } = weights;
  const sidecar = readLora(adapters, { checkpoint: path, config, unbound });
  const beside = withSidecar(base, config, sidecar);
  // What was merged by the program that wrote it is taken as it is, to the bit.
  return { beside, merged: () => (sidecar.merged ? base : mergeAdapters(beside)) };
}

/**
 * The tokenizer of a checkpoint: one of ours by its name, or the one that the model came with. Undefined when
 * it does not say which, or has it not. Throws a `UserError` (E0830, E0831).
 */
export async function tokenizerOf(checkpoint: Checkpoint): Promise<Tokenizer | undefined> {
  const name = checkpoint.data.tokenizer;
  if (name === null) return undefined;
  if ((tokenizerNames as readonly string[]).includes(name)) return loadTokenizer(name);
  const own = checkpoint.origin?.tokenizer;
  if (own == null || tokenizerId(own.json) !== name) return undefined;
  return parseTokenizerJson(own.json, { path: checkpoint.path, endOfText: own.eos });
}

/** The tokenizer that a model from elsewhere came with, to read texts with; undefined for a model of ours. */
export async function tokenizerBeside(
  checkpoint: Checkpoint | undefined,
): Promise<Tokenizer | undefined> {
  return checkpoint?.origin === undefined ? undefined : tokenizerOf(checkpoint);
}
