/**
 * Numbers as the engine reads and stores them: fp16 rounded half away from zero, and an exponent field
 * of 31 read as one exponent more, so that infinity is 2^16 and NaN 1.5 · 2^16.
 *
 * Reported by the 751K M6 study (M4 and M6), and by ANEForge for the rounding on M1 … M6.
 */

const number = new Float64Array(1);
const words = new Int32Array(number.buffer);
/** The place of the half that holds sign and exponent. */
const HIGH = new Uint8Array(new Int32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** floor(log2 |x|), at least −14: the exponent of subnormal numbers and of 0. */
export function exponentOf(x: number): number {
  number[0] = x;
  return Math.max(-14, ((words[HIGH]! >>> 20) & 0x7ff) - 1023);
}

/** 2^(e − 10) for e from −14: the spacing of fp16 numbers. */
const STEPS = Float64Array.from({ length: 31 }, (_, i) => 2 ** (i - 24));

/** The nearest fp16 number, halves away from zero; from 65520 on infinity. */
export function roundHalfAway(x: number): number {
  const size = Math.abs(x);
  if (size >= 65520) return x > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (!(size > 0)) return x;
  const step = STEPS[exponentOf(size) + 14]!;
  const rounded = Math.floor(size / step + 0.5) * step;
  return x < 0 ? -rounded : rounded;
}

/** An fp16 number as the engine's arithmetic reads it. The interpreter's NaN is 0x7E00. */
export function decode(x: number): number {
  if (Number.isFinite(x)) return x;
  return Number.isNaN(x) ? 98304 : x > 0 ? 65536 : -65536;
}

/** The number that the bits of an fp16 are to the engine's arithmetic. */
export function decodeBits(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}
