/**
 * Numbers in blocks of 32 that share a scale, as files of quantised models hold them.
 *
 *   Q8_0   34 bytes: d as fp16, then q₀ … q₃₁ as signed bytes                value d·q
 *   Q4_0   18 bytes: d as fp16, then q₀|q₁₆ … q₁₅|q₃₁, the lower half first   value d·(q − 8)
 *   Q4_1   20 bytes: d and m as fp16, then as in Q4_0                         value d·q + m
 *
 * Products are fp32 numbers, so that only the sum of Q4_1 is rounded, once, to nearest. Encoding repeats the
 * arithmetic of ggml's reference (`quantize_row_q8_0_ref`) bit for bit.
 */
import { invariant } from "../compiler/support/bug.ts";
import { halfBits, halfValue } from "../compiler/support/half.ts";

/** Numbers of a block. */
export const BLOCK = 32;

/** Bytes of a block, by type. */
export const BLOCK_BYTES = { Q8_0: 34, Q4_0: 18, Q4_1: 20 } as const;

export type Quantized = keyof typeof BLOCK_BYTES;

/** The values of whole blocks. */
export function dequantize(type: Quantized, data: Uint8Array): Float32Array {
  const size = BLOCK_BYTES[type];
  invariant(data.length % size === 0, `${data.length} bytes are no whole blocks of ${type}`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const values = new Float32Array((data.length / size) * BLOCK);
  for (let at = 0, to = 0; at < data.length; at += size, to += BLOCK) {
    const d = halfValue(view.getUint16(at, true));
    if (type === "Q8_0") {
      for (let i = 0; i < BLOCK; i++) values[to + i] = d * view.getInt8(at + 2 + i);
      continue;
    }
    // Only −0 leaves every number as it is, −0 too.
    const [shift, least] = type === "Q4_0" ? [8, -0] : [0, halfValue(view.getUint16(at + 2, true))];
    const numbers = at + size - BLOCK / 2;
    for (let i = 0; i < BLOCK / 2; i++) {
      const pair = data[numbers + i]!;
      values[to + i] = d * ((pair & 15) - shift) + least;
      values[to + i + BLOCK / 2] = d * ((pair >> 4) - shift) + least;
    }
  }
  return values;
}

/**
 * Blocks of Q8_0: d = max |x| / 127, q = x/d to the nearest. With d₁₆ the fp16 value nearest to d, a
 * value is off by at most d/2 + 127·|d − d₁₆|. Values must pass `fitsQ8`, and fill whole blocks.
 */
export function quantizeQ8(values: Float32Array): Uint8Array {
  invariant(values.length % BLOCK === 0, `${values.length} values are no whole blocks`);
  const size = BLOCK_BYTES.Q8_0;
  const data = new Uint8Array((values.length / BLOCK) * size);
  const view = new DataView(data.buffer);
  for (let from = 0, at = 0; from < values.length; from += BLOCK, at += size) {
    let most = 0;
    for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(values[from + i]!));
    const d = Math.fround(most / 127);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    view.setUint16(at, halfBits(d), true);
    for (let i = 0; i < BLOCK; i++) {
      const q = Math.fround(values[from + i]! * inverse);
      // The nearest whole number; halves away from zero, as C's roundf.
      view.setInt8(at + 2 + i, Math.sign(q) * Math.floor(Math.abs(q) + 0.5));
    }
  }
  return data;
}

/** The largest number whose block has a finite scale. */
const Q8_MOST = 65519 * 127;

/** Whether a number can be a part of a block of Q8_0. */
export function fitsQ8(value: number): boolean {
  return Math.abs(value) <= Q8_MOST;
}
