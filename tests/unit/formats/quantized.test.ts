/** Blocks of 32 numbers with one scale. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { halfBits, halfValue } from "../../../compiler/support/half.ts";
import {
  BLOCK,
  dequantize,
  fitsQ8,
  type Quantized,
  quantizeQ8,
} from "../../../formats/quantized.ts";

/** The inputs and bytes of gguf-py 0.19.0 (`gguf.quants.quantize`). */
const SAMPLE = Float32Array.from({ length: 96 }, (_, i) =>
  i === 40 ? 0.1 : i >= 64 ? 0 : (((i * 7919) % 251) - 125) / 64,
);
const Q8 =
  "e023810d9a27b440cd59e773008d19a733c04cd966f37f0c9926b33fcc58e672ff8cbf2319a433be4cd866f2070b9725b03fca59e473" +
  "fe8918a332bd4bd765f17f0a9624" +
  "00".repeat(34);
const Q4 =
  "d033d069e27af39c25ae36cf58e16af28b14b0b3a61e85fc73eb52c938b72f960d74fb620080" + "88".repeat(16);

const Q4_1 =
  "2b34d0bfc058e27af38b15ad36be48d169e27b14ef3330bf69e27a039c25ad36c858d16af28b149d" +
  "00".repeat(20);

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

test("Q8_0 has the bytes of llama.cpp's own package", () => {
  expect(Buffer.from(quantizeQ8(SAMPLE)).toString("hex")).toBe(Q8);
});

test("values of llama.cpp's blocks lie near what was quantised", () => {
  for (const [type, data, bits] of [
    ["Q8_0", Q8, 127],
    ["Q4_0", Q4, 8],
    ["Q4_1", Q4_1, 7.5],
  ] as const) {
    const values = dequantize(type, hex(data));
    expect(values.length).toBe(96);
    for (let i = 0; i < 96; i++) {
      const block = SAMPLE.subarray(i - (i % BLOCK), i - (i % BLOCK) + BLOCK);
      const range = Math.max(...block) - Math.min(...block);
      const d = (type === "Q4_1" ? range / 2 : Math.max(...block.map(Math.abs))) / bits;
      // Q4_0 has −8 … 7: the value opposite to the largest loses a whole step.
      const steps = type === "Q4_0" ? 1.01 : 0.57;
      expect(Math.abs(values[i]! - SAMPLE[i]!)).toBeLessThanOrEqual(d * steps);
    }
  }
});

/** Block by block and number by number, as the format's description reads. */
function valueAt(type: Quantized, data: Uint8Array, i: number): number {
  const [block, place] = [Math.floor(i / 32), i % 32];
  const at = block * { Q8_0: 34, Q4_0: 18, Q4_1: 20 }[type];
  const half = (from: number): number => halfValue(data[from]! + 256 * data[from + 1]!);
  const d = half(at);
  if (type === "Q8_0") {
    const byte = data[at + 2 + place]!;
    return d * (byte < 128 ? byte : byte - 256);
  }
  const byte = data[at + (type === "Q4_0" ? 2 : 4) + (place % 16)]!;
  const number = place < 16 ? byte % 16 : Math.floor(byte / 16);
  return type === "Q4_0" ? d * (number - 8) : d * number + half(at + 2);
}

test.each([
  ["Q8_0", 34],
  ["Q4_0", 18],
  ["Q4_1", 20],
] as const)("any bytes of %s decode to scale times number, and least value", (type, size) => {
  const blocks = fc.nat(3).chain((n) => {
    const length = n * size;
    return fc.uint8Array({ minLength: length, maxLength: length });
  });
  fc.assert(
    fc.property(blocks, (data) => {
      const values = dequantize(type, data);
      for (const [i, value] of values.entries())
        expect(value).toBe(Math.fround(valueAt(type, data, i)));
    }),
  );
});

const floats = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: BLOCK, maxLength: BLOCK })
  .map((list) => Float32Array.from(list));
const usual = fc
  .array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: BLOCK, maxLength: BLOCK })
  .map((list) => Float32Array.from(list));

test("Q8_0 is off by half a step and what the scale lost in fp16, at most", () => {
  fc.assert(
    fc.property(fc.oneof(usual, floats), (values) => {
      fc.pre(values.every(fitsQ8));
      const d = Math.fround(Math.max(...values.map(Math.abs)) / 127);
      const lost = 127 * Math.abs(d - halfValue(halfBits(d)));
      const bound = (d / 2 + lost) * (1 + 1e-5) + 1e-44;
      const back = dequantize("Q8_0", quantizeQ8(values));
      for (const [i, x] of values.entries())
        expect(Math.abs(back[i]! - x)).toBeLessThanOrEqual(bound);
    }),
  );
});

test("quantising what was decoded changes nothing", () => {
  fc.assert(
    fc.property(usual, (values) => {
      const once = dequantize("Q8_0", quantizeQ8(values));
      const again = dequantize("Q8_0", quantizeQ8(once));
      // −0 and 0 are one number here: a block whose scale is too small for fp16 has both.
      expect(again.every((x, i) => x === once[i])).toBe(true);
    }),
  );
});

test("only finite numbers whose scale is finite fit", () => {
  for (const x of [0, -4, 65504, 8.3e6]) expect(fitsQ8(x)).toBe(true);
  for (const x of [8.4e6, 3e38, Infinity, -Infinity, Number.NaN]) expect(fitsQ8(x)).toBe(false);
});
