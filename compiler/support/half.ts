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
  buffer.setFloat64(0, x);
  const high = buffer.getUint32(0);
  const sign = (high >>> 16) & 0x8000;
  const exponent = ((high >>> 20) & 0x7ff) - 1023;
  // 21 bits of the significand, the last one set if any bit below is: enough to round by.
  const sticky = buffer.getUint32(4) === 0 ? 0 : 1;
  if (exponent === 1024) return (high & 0xfffff) === 0 && sticky === 0 ? sign | 0x7c00 : 0x7e00;
  if (exponent > 15) return sign | 0x7c00;
  if (exponent < -25) return sign;
  const significand = ((0x100000 | (high & 0xfffff)) << 1) | sticky;
  const dropped = exponent >= -14 ? 11 : -3 - exponent;
  const rest = significand & ((1 << dropped) - 1);
  const half = 1 << (dropped - 1);
  let whole = significand >>> dropped;
  if (rest > half || (rest === half && (whole & 1) === 1)) whole += 1;
  // A carry out of the significand goes into the exponent, as it should.
  return sign | (exponent >= -14 ? ((exponent + 14) << 10) + whole : whole);
}

const POWERS = Float64Array.from({ length: 31 }, (_, e) => 2 ** (Math.max(e, 1) - 15));

/** The value of fp16 bits. */
export function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const whole = exponent === 0 ? 0 : 1;
  if (exponent === 0x1f && fraction !== 0) return Number.NaN;
  const size =
    exponent === 0x1f ? Number.POSITIVE_INFINITY : (whole + fraction / 1024) * POWERS[exponent]!;
  return bits & 0x8000 ? -size : size;
}
