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
import { elementsOf, type Tensor, toFloat32 } from "../formats/tensor.ts";
import { paramStorage } from "../passes/lower_to_host.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { checkVocabulary, type TokenData } from "./data/token_file.ts";
import { buffers } from "./programs.ts";
import { rowOfId, type Vocabulary } from "./vocabulary.ts";

/** Low enough that its exponential is zero, and a number that sums may be made of. */
const NEVER = -1e30;

/** Throws a `UserError` (E0832) for data of another tokenizer than the model's, where both are known. */
export function checkTokenizer({ data: own }: Checkpoint, data: TokenData): void {
  if (data.tokenizer !== undefined && own.tokenizer !== null && data.tokenizer !== own.tokenizer) {
    throw new UserError(dataOfAnotherTokenizer(data.path, data.tokenizer, own.tokenizer));
  }
}

/** Throws a `UserError` (E0805, E0832) for tokens that are not those of the model's tokenizer. */
export function checkTokens(checkpoint: Checkpoint, data: TokenData): void {
  checkTokenizer(checkpoint, data);
  checkVocabulary(data.path, data.tokens, checkpoint.vocabulary.full);
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
    if (isZero(row) || isStill?.(row) === true) untrained += 1;
  }
  return untrained;
}

const TABLE = "embed.weight";

/** Whether a row is all zeros: of most the first element says that it is not. Types of 16 bits stay as they are. */
function zeroRows(table: Tensor, rows: number): (row: number) => boolean {
  const tensor = table.castOf ?? table;
  const width = elementsOf(tensor.shape) / rows;
  // A table of other rows is refused where the model reads it.
  if (!Number.isInteger(width) || width === 0) return () => false;
  const isHalf = tensor.dtype === "F16" || tensor.dtype === "BF16";
  const values = isHalf ? halfWords(tensor) : toFloat32(tensor);
  const isZero = (i: number): boolean =>
    values[i] === 0 || (isHalf && values[i] === NEGATIVE_ZERO_HALF);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const zeros = new Uint8Array(width * values.BYTES_PER_ELEMENT);
  return (row) => {
    const from = row * width;
    if (!isZero(from)) return false;
    // Several times faster than element by element, but -0 has another byte.
    const own = bytes.subarray(row * zeros.length, (row + 1) * zeros.length);
    if (Buffer.compare(own, zeros) === 0) return true;
    for (let i = from; i < from + width; i++) if (!isZero(i)) return false;
    return true;
  };
}

/** The bits of -0 in fp16 and in bfloat16. */
const NEGATIVE_ZERO_HALF = 0x8000;

/** The bits of elements of 16: a view where alignment allows it. */
function halfWords({ data }: Tensor): Uint16Array {
  const { buffer, byteOffset, length } = data.byteOffset % 2 === 0 ? data : new Uint8Array(data);
  return new Uint16Array(buffer, byteOffset, length / 2);
}
