/**
 * A smaller vocabulary for a text that uses few of its ids.
 *
 * The rows of the embedding and of the classifier that the training split never touches cost time
 * and memory and learn nothing. They are replaced by one row, the spare, which stands for every id
 * that training never sees:
 *
 *     full id        0  1  2  3  4  5           seen in training: 1, 4
 *     compact id     2  0  2  2  1  2           active = [1, 4], spare = 2, size = 3
 *
 * Only the training split decides: what is in the validation split must not shape the model.
 */
import { invariant } from "../../compiler/support/bug.ts";
import type { Tokens } from "./token_file.ts";

export interface CompactVocabulary {
  /** Compact id → full id, in rising order; the spare has no full id. */
  readonly active: Int32Array;
  /** Rows of the compact tables: active.length + 1. */
  readonly size: number;
}

/** The vocabulary of tokens[0, valStart). */
export function compactVocabulary(tokens: Tokens, valStart: number): CompactVocabulary {
  invariant(valStart <= tokens.length, "the training split ends inside the tokens");
  let largest = 0;
  for (let i = 0; i < valStart; i++) largest = Math.max(largest, tokens[i]!);
  const seen = new Uint8Array(largest + 1);
  for (let i = 0; i < valStart; i++) seen[tokens[i]!] = 1;

  const ids: number[] = [];
  for (let id = 0; id < seen.length; id++) if (seen[id] === 1) ids.push(id);
  return { active: Int32Array.from(ids), size: ids.length + 1 };
}
