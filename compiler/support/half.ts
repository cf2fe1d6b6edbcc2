/**
 * IEEE half precision: rounding a number to the nearest fp16 value, and the 16-bit pattern both ways.
 * Round to nearest, ties to even; overflow becomes infinity.
 */

const buffer = new DataView(new ArrayBuffer(8));

/** The largest finite fp16 value. */
export const HALF_MAX = 65504;

/** The fp16 value nearest to `x`. Rounds from double directly: no double rounding through fp32. */
export function roundToHalf(x: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const magnitude = Math.abs(x);
  if (magnitude >= 65520) return x > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  // The spacing of fp16 values near x: 2^(e-10) for normal numbers, 2^-24 below 2^-14.
  buffer.setFloat64(0, magnitude);
  const exponent = Math.max((buffer.getUint16(0) >> 4) - 1023, -14);
  const step = 2 ** (exponent - 10);
  const scaled = magnitude / step;
  let whole = Math.floor(scaled);
  const rest = scaled - whole;
  if (rest > 0.5 || (rest === 0.5 && whole % 2 === 1)) whole += 1;
  return Math.sign(x) * whole * step;
}

/** The bits of the fp16 value nearest to `x`. */
export function halfBits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const value = Math.abs(roundToHalf(x));
  if (value === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (value < 2 ** -14) return sign | Math.round(value / 2 ** -24);
  const exponent = Math.floor(Math.log2(value));
  const e = value < 2 ** exponent ? exponent - 1 : exponent;
  return sign | ((e + 15) << 10) | Math.round((value / 2 ** e - 1) * 1024);
}

/** The value of fp16 bits. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
