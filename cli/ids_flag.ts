/** `--ids`, of commands that take the softmax of a model: only over the ids that occur in a text. */
import type { Command } from "commander";
import { untrainedRowsOfModel } from "../compiler/messages/checkpoints.ts";
import type { Checkpoint } from "../training/checkpoint.ts";
import type { TokenData } from "../training/data/token_file.ts";
import type { Tokenizer } from "../training/data/tokenizers.ts";
import { untrainedRows } from "../training/known_ids.ts";
import { openForModel } from "./data_output.ts";
import { printDiagnostics } from "./failures.ts";
import type { Io } from "./io.ts";

export interface IdsFlag {
  readonly ids?: string;
}

export function idsFlag(c: Command): void {
  c.option(
    "--ids <name>",
    "only the ids that occur in this data (named as for `--data`): for a model with rows that were never trained",
  );
}

/** A model of which so many rows look untrained did not have all its ids in training. */
const MANY = 0.05;

/**
 * The data of `--ids`. Without it, a warning (E0736) if many rows of the model look untrained. Throws the
 * `UserError` of `openForModel`.
 */
export async function openIds(
  io: Io,
  { ids }: IdsFlag,
  model: Checkpoint,
  tokenizer: Tokenizer | undefined,
): Promise<TokenData | undefined> {
  if (ids !== undefined) return openForModel(io, ids, model, tokenizer);
  const rows = model.vocabulary.size;
  const untrained = untrainedRows(model);
  if (untrained > MANY * rows) {
    printDiagnostics(io, [untrainedRowsOfModel(model.path, untrained, rows)]);
  }
  return undefined;
}
