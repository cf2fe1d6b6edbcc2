/** Many numbers at once in half precision, against the conversion of one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { halfBits, halfValue } from "../../../compiler/support/half.ts";
import { bfloatBits, manyHalfBits } from "../../../formats/cast.ts";

/** Every fp16 value, what lies half-way to the next one, and the fp32 numbers beside both. */
function edges(): Float32Array {
  const values: number[] = [];
  for (let bits = 0; bits < 65536; bits++) {
    const value = halfValue(bits);
    const middle = (value + halfValue((bits & 0x8000) | Math.min(0x7c00, (bits & 0x7fff) + 1))) / 2;
    values.push(value, middle);
  }
  const floats = Float32Array.from(values);
  const words = new Uint32Array(floats.buffer);
  const beside = [-1, 1].map((step) => new Float32Array(words.map((w) => w + step).buffer));
  return Float32Array.from([...floats, ...beside[0]!, ...beside[1]!]);
}

test("fp16 of many is fp16 of each, at all edges and anywhere", () => {
  const values = edges();
  const many = manyHalfBits(values);
  let wrong = 0;
  for (let i = 0; i < values.length; i++) if (many[i] !== halfBits(values[i]!)) wrong += 1;
  expect(wrong).toBe(0);
  fc.assert(
    fc.property(fc.float32Array(), (list) => {
      expect(manyHalfBits(list)).toEqual(Uint16Array.from(list, halfBits));
    }),
  );
});

/** The nearer of the two bfloat16 values around x; of equally near ones the even. */
function bfloat(x: number): number {
  const word = new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const [low, high] = [word >>> 16, (word >>> 16) + 1];
  const value = (bits: number): number => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
  // Beyond the largest value, the next one would be 2^128.
  const above = Number.isFinite(value(high)) ? value(high) : Math.sign(x) * 2 ** 128;
  const [down, up] = [Math.abs(x - value(low)), Math.abs(above - x)];
  return down < up || (down === up && low % 2 === 0) ? low : high;
}

test("bfloat16 is the nearest value, ties to even", () => {
  const floats = fc.float({ noNaN: true, noDefaultInfinity: true });
  const ties = fc
    .nat(65535)
    .map((n) => new Float32Array(Uint32Array.of((n << 16) | 0x8000).buffer)[0]!);
  fc.assert(
    fc.property(fc.oneof(floats, ties.filter(Number.isFinite)), (x) => {
      expect(bfloatBits(Float32Array.of(x))[0]).toBe(bfloat(x));
    }),
  );
  expect([...bfloatBits(Float32Array.of(Infinity, -Infinity, Number.NaN))]).toEqual([
    0x7f80, 0xff80, 0x7fc0,
  ]);
});
