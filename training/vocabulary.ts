/**
 * Which ids a model has rows for.
 *
 * The rows of the embedding table are the vocabulary. Its dimension follows the data: first the ids of
 * the tokenizer, then, compacted, those that the training split holds and one spare row for the rest.
 */
import { vocabularyTooSmall } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
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

/** The row of every id, [full]; null when rows are ids. */
export function rowsOfIds({ active, full, size }: Vocabulary): Int32Array | null {
  if (active === null) return null;
  const rows = new Int32Array(full).fill(size - 1);
  for (const [row, id] of active.entries()) rows[id] = row;
  return rows;
}

/**
 * The row of every id, [full], where each row is taken once: the spare row is that of the lowest id
 * that has none of its own, and the other ids have −1. Null when rows are ids.
 */
export function rowsOfTable(vocabulary: Vocabulary): Int32Array | null {
  const rows = rowsOfIds(vocabulary);
  if (rows === null) return null;
  const spare = vocabulary.size - 1;
  const first = rows.indexOf(spare);
  return rows.map((row, id) => (row === spare && id !== first ? -1 : row));
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
  const { active, size } = compactVocabulary(data.tokens, data.valStart, full);
  // Where training sees every id there is nothing to spare.
  return active.length === full ? whole : { dim, full, size, active };
}
