/**
 * The ids that a softmax is over, where a model has rows for more of them than its training had.
 *
 *     rows of the model     0  1  2  3  4  5          ids of the text: 1, 4
 *     mask                  −  0  −  −  0  −          − is −1e30, added to a logit
 *
 * AutoANE trains on the ids that occur in its token file, and its checkpoints hold the rows of all others as they were
 * initialised: over all rows, a loss is another number and a text is full of ids that were never trained.
 */
import { dataOfAnotherTokenizer } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { type Tensor, toFloat32 } from "../formats/tensor.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { checkVocabulary, type TokenData } from "./data/token_file.ts";
import { buffers } from "./programs.ts";
import { rowOfId, type Vocabulary } from "./vocabulary.ts";

/** Low enough that its exponential is zero, and a number that sums may be made of. */
const NEVER = -1e30;

/** Throws a `UserError` (E0805, E0832) for tokens that are not those of the model's tokenizer. */
export function checkTokens({ data: own, vocabulary }: Checkpoint, data: TokenData): void {
  if (data.tokenizer !== undefined && own.tokenizer !== null && data.tokenizer !== own.tokenizer) {
    throw new UserError(dataOfAnotherTokenizer(data.path, data.tokenizer, own.tokenizer));
  }
  checkVocabulary(data.path, data.tokens, vocabulary.full);
}

/** The ids that occur in tokens of the model. Throws a `UserError` (E0805, E0832). */
export function idsIn(checkpoint: Checkpoint, data: TokenData): ReadonlySet<number> {
  checkTokens(checkpoint, data);
  return new Set(data.tokens);
}

/** What is added to the logits of a model with this many rows so that only some ids count. */
export interface IdMask {
  readonly values: Float32Array;
  /** The row of a target; that of an id outside is the spare. */
  readonly rowOf: (id: number) => number;
}

/** The mask of `ids`; `withSpare` lets the spare row in, which stands for every id outside. */
export function maskOf(
  vocabulary: Vocabulary,
  ids: ReadonlySet<number>,
  withSpare: boolean,
): IdMask {
  const own = rowOfId(vocabulary) ?? ((id: number) => id);
  const values = new Float32Array(vocabulary.size).fill(NEVER);
  for (const id of ids) values[own(id)] = 0;
  // A model with every row has no spare of its own: the lowest id outside is as good as any.
  const outside = values.findIndex((value) => value < 0);
  const spare = vocabulary.active !== null || outside < 0 ? vocabulary.size - 1 : outside;
  if (withSpare) values[spare] = 0;
  return { values, rowOf: (id) => (ids.has(id) ? own(id) : spare) };
}

/**
 * Rows of a model with a row for every id that look as if training had never touched them: all zeros, as `--expand`
 * writes them, or with a second moment of zeros, as AutoANE leaves those of ids that its text does not hold.
 */
export function untrainedRows({ vocabulary, tensors }: Checkpoint): number {
  const table = tensors.get(paramStorage(TABLE));
  if (vocabulary.active !== null || table === undefined) return 0;
  const rows = vocabulary.size;
  const isZero = zeroRows(table, rows);
  const second = tensors.get(buffers.second(TABLE));
  const isStill = second === undefined ? undefined : zeroRows(second, rows);
  let untrained = 0;
  for (let row = 0; row < rows; row++) {
    if (isZero[row] === 1 || isStill?.[row] === 1) untrained += 1;
  }
  return untrained;
}

const TABLE = "embed.weight";

/** 1 for each row of zeros. */
function zeroRows(tensor: Tensor, rows: number): Uint8Array {
  const values = toFloat32(tensor);
  const width = values.length / rows;
  return Uint8Array.from({ length: rows }, (_, row) => {
    for (let i = row * width; i < (row + 1) * width; i++) if (values[i] !== 0) return 0;
    return 1;
  });
}
