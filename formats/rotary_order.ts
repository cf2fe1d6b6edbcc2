/**
 * The two orders of the rows of queries and keys, by which elements of a head the rotary embedding pairs.
 *
 *   split         (i, i + E/2), as Hugging Face and the neutral form of formats/weights.ts
 *   interleaved   (2i, 2i + 1), as BLZT, llama2.c and the llama architecture of GGUF
 *
 * A model computes the same with either, if rows and rotary embedding agree: scores are sums over pairs.
 */
import { invariant } from "../compiler/support/bug.ts";
import type { Tensor } from "./tensor.ts";

/** From split to interleaved: row 2i of a head is row i, row 2i + 1 is row E/2 + i. A copy. */
export function interleaveRows(tensor: Tensor, headSize: number): Tensor {
  return moveRows(tensor, headSize, (row) => (row >> 1) + (row & 1) * (headSize / 2));
}

/** From interleaved to split: the inverse of `interleaveRows`. A copy. */
export function splitRows(tensor: Tensor, headSize: number): Tensor {
  const half = headSize / 2;
  return moveRows(tensor, headSize, (row) => (row < half ? 2 * row : 2 * (row - half) + 1));
}

/** `from` gives the row of a head that becomes row `row` of it. The rest of the shape is one row. */
function moveRows(tensor: Tensor, headSize: number, from: (row: number) => number): Tensor {
  const { data, shape, dtype } = tensor;
  const rows = shape[0] ?? 0;
  invariant(headSize % 2 === 0 && rows % headSize === 0, `${rows} rows in heads of ${headSize}`);
  const rowBytes = rows === 0 ? 0 : data.length / rows;
  const moved = new Uint8Array(data.length);
  for (let head = 0; head < rows; head += headSize) {
    for (let row = 0; row < headSize; row++) {
      const at = (head + from(row)) * rowBytes;
      moved.set(data.subarray(at, at + rowBytes), (head + row) * rowBytes);
    }
  }
  return { dtype, shape, data: moved };
}
