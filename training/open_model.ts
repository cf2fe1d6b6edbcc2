/** A model to generate with or to evaluate, from a file of any format, and its tokenizer. */
import type { ReadOptions } from "../formats/format.ts";
import { detectFormat } from "../formats/index.ts";
import { parseTokenizerJson, tokenizerId } from "../formats/tokenizer_json.ts";
import { anecFormat } from "./anec_format.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { loadTokenizer, type Tokenizer, tokenizerNames } from "./data/tokenizers.ts";
import { checkpointOf } from "./foreign_model.ts";
import { mergeAdapters } from "./lora/merge.ts";

/** Reads a checkpoint, with adapters merged, or a model of another program as one. Throws a `UserError`. */
export function openModel(path: string, options: ReadOptions = {}): Checkpoint {
  const format = detectFormat(path);
  if (format === anecFormat) return mergeAdapters(readCheckpoint(path));
  return { ...checkpointOf(format.read(path, options)), path };
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
