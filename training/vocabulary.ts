/**
 * Which ids a model has rows for.
 *
 * The rows of the embedding table are the vocabulary. Its dimension follows the data: first the ids of
 * the tokenizer, then, compacted, those that the training split holds and one spare row for the rest.
 */
import { vocabularyTooSmall } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { CheckpointContents } from "./checkpoint.ts";
import { compactVocabulary } from "./data/compact.ts";
import { checkVocabulary, type TokenData } from "./data/token_file.ts";
import type { TrainingModel } from "./model.ts";

export interface Vocabulary {
  /** The name of its dimension, or null when the model gives it none. */
  readonly dim: string | null;
  /** Every id of the data is below it. */
  readonly full: number;
  /** Rows of the tables. */
  readonly size: number;
  /** The full id of every row but the last, which is the spare; null: rows are ids. */
  readonly active: Int32Array | null;
}

/** The row of an id, where every id without a row of its own has the spare; null when rows are ids. */
export function rowOfId({ active, size }: Vocabulary): ((id: number) => number) | null {
  if (active === null) return null;
  const spare = size - 1;
  // As long as the ids that training sees, however large the vocabulary is.
  const rows = new Int32Array((active[active.length - 1] ?? -1) + 1).fill(spare);
  for (const [row, id] of active.entries()) rows[id] = row;
  return (id) => rows[id] ?? spare;
}

/** Whether training never saw an id, so that the spare row stands for it; undefined if nobody knows. */
export function unseenBy({
  vocabulary,
  settings,
}: Pick<CheckpointContents, "vocabulary" | "settings">): ((id: number) => boolean) | undefined {
  const rowOf = rowOfId(vocabulary);
  const { dim, size } = vocabulary;
  if (rowOf !== null) return (id) => rowOf(id) === size - 1;
  // Where every id could be left out, none was: training saw all of them.
  return settings.compact && dim !== null ? () => false : undefined;
}

/** One row of a table: its id in the whole vocabulary, and its place among the rows of the model. */
export interface PickedRow {
  readonly id: number;
  readonly row: number;
}

/**
 * The rows of a table with their ids, by rising id; null when rows are ids. The id of the spare row is the
 * lowest that has no row of its own.
 */
export function pickedRows({ active, size }: Vocabulary): readonly PickedRow[] | null {
  if (active === null) return null;
  // Ids rise, so up to the first gap each is its own row.
  const gap = active.findIndex((id, row) => id !== row);
  const first = gap < 0 ? active.length : gap;
  const picked = Array.from(active, (id, row) => ({ id, row }));
  picked.splice(first, 0, { id: first, row: size - 1 });
  return picked;
}

/**
 * The vocabulary of `model` on `data`. Throws a `UserError`: E0805 for an id beyond it, E0908 when the
 * data would need another one than the model can have.
 */
export function chooseVocabulary(
  model: TrainingModel,
  data: TokenData,
  compact: boolean,
): Vocabulary {
  const { dim, rows } = model.table;
  const isGiven = dim === null || Object.hasOwn(model.overrides, dim);
  // A bare token file says nothing of its tokenizer: the model does.
  const full = isGiven || data.tokenizer === undefined ? rows : data.vocabulary;
  if (dim === null && data.tokenizer !== undefined && data.vocabulary > rows) {
    throw new UserError(vocabularyTooSmall(rows, data.vocabulary));
  }
  checkVocabulary(data.path, data.tokens, full);
  const whole: Vocabulary = { dim, full, size: full, active: null };
  if (!compact || dim === null) return whole;
  const { active, size } = compactVocabulary(data.tokens, data.valStart);
  // Where training sees every id there is nothing to spare.
  return active.length === full ? whole : { dim, full, size, active };
}
