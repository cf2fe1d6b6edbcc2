/** The engine's multiply-accumulate unit written out in whole numbers, from the bits of fp16 on. */

/** A number as `mantissa · 2^exponent`. */
interface Parts {
  readonly mantissa: bigint;
  readonly exponent: number;
  /** floor(log2 |v|), at least −14. */
  readonly magnitude: number;
}

/** The bits of an fp16 number; exponent 31 is one exponent more. */
function partsOf(bits: number): Parts {
  const field = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = field === 0 ? fraction : 1024 + fraction;
  const exponent = Math.max(field, 1) - 25;
  const mantissa = BigInt(bits & 0x8000 ? -size : size);
  return { mantissa, exponent, magnitude: Math.max(field, 1) - 15 };
}

/** mantissa · 2^exponent as a whole number, halves away from zero. */
function whole(mantissa: bigint, exponent: number): bigint {
  if (exponent >= 0) return mantissa << BigInt(exponent);
  const size = mantissa < 0n ? -mantissa : mantissa;
  const rounded = (size + (1n << BigInt(-exponent - 1))) >> BigInt(-exponent);
  return mantissa < 0n ? -rounded : rounded;
}

/** Units of 2^-16 as fp16: 11 bits, halves away from zero. */
function asHalf(units: bigint): number {
  const size = units < 0n ? -units : units;
  const spare = Math.max(0, size.toString(2).length - 11);
  const value = Number(whole(size, -spare) << BigInt(spare)) / 65536;
  return units < 0n ? -value : value;
}

/** bias + Σ x·w of the bits of fp16 numbers. */
export function macOracle(xs: readonly number[], ws: readonly number[], bias = 0): number {
  const limit = 1n << 31n;
  const infinite = (sum: bigint): boolean => sum >= limit || sum <= -limit;
  const start = partsOf(bias);
  let sum = whole(start.mantissa, start.exponent + 16);
  for (let i = 0; i < xs.length && !infinite(sum); i++) {
    const [x, w] = [partsOf(xs[i]!), partsOf(ws[i]!)];
    if (x.magnitude + w.magnitude < -16) continue;
    sum += whole(x.mantissa * w.mantissa, x.exponent + w.exponent + 16);
  }
  if (infinite(sum)) return sum > 0n ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return asHalf(sum);
}
