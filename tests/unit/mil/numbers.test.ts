import fc from "fast-check";
import { expect, test } from "vitest";
import { hexFloat, isNumber, numberValue } from "../../../compiler/mil/numbers.ts";

test.each([
  ["0x1p-3", 0.125],
  ["0x1.5p-17", 1.3125 * 2 ** -17],
  ["-0x1p+0", -1],
  ["-0x0p+0", -0],
  ["0x1p-24", 2 ** -24],
  ["0x10", 16],
  ["0X.8P1", 1],
  ["0x1.fffffffffffffp+1023", Number.MAX_VALUE],
  ["0x0.0000000000001p-1022", Number.MIN_VALUE],
  ["0x1p+99999", Number.POSITIVE_INFINITY],
  ["0x1.00000000000008p+0", 1],
  ["0x1.000000000000080001p+0", 1 + 2 ** -52],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["nan", Number.NaN],
  ["1e-05", 1e-5],
  [".5", 0.5],
  ["2.", 2],
])("%s", (text, value) => {
  expect(isNumber(text)).toBe(true);
  expect(numberValue(text)).toBe(value);
});

test.each(["", "-", "0x", "1e", "1.2.3", "0x1p", "1x2", "infinity", "+1", "--1"])(
  "not a number: %j",
  (text) => {
    expect(isNumber(text)).toBe(false);
  },
);

test("hexadecimal floats are exact", () => {
  expect(hexFloat(0.1875)).toBe("0x1.8p-3");
  expect(hexFloat(-1)).toBe("-0x1p+0");
  expect(hexFloat(-0)).toBe("-0x0p+0");
  fc.assert(
    fc.property(fc.double(), (x) => {
      expect(numberValue(hexFloat(x))).toBe(x);
    }),
    { examples: [[5e-324], [Number.MAX_VALUE], [2 ** -1022]] },
  );
});
