/**
 * Numbers as MIL spells them.
 *
 *     numberValue("0x1.8p-3") === 0.1875        hexFloat(0.1875) === "0x1.8p-3"
 *
 * Floating-point constants are printed as hexadecimal floats: exact, and what Apple's tools print.
 */

// Each digit can be matched in one way only, so that a long text that is no number fails at once.
const DECIMAL = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEX = /^-?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?$/;
const NAMED = /^-?(?:inf|nan)$/;
const INTEGER = /^-?(?:\d+|0[xX][0-9a-fA-F]+)$/;

/** Whether `text` is one number of MIL. */
export function isNumber(text: string): boolean {
  return DECIMAL.test(text) || HEX.test(text) || NAMED.test(text);
}

/** Whether `text` is spelled as a whole number. */
export function isWholeNumber(text: string): boolean {
  return INTEGER.test(text);
}

/** The number nearest to the spelled one; NaN for text that is no number. */
export function numberValue(text: string): number {
  const negative = text.startsWith("-");
  const bare = negative ? text.slice(1) : text;
  const magnitude =
    bare === "inf" ? Number.POSITIVE_INFINITY : HEX.test(bare) ? hexValue(bare) : Number(bare);
  return negative ? -magnitude : magnitude;
}

function hexValue(text: string): number {
  const [digits = "", power = "0"] = text.slice(2).toLowerCase().split("p");
  const [whole = "", fraction = ""] = digits.split(".");
  // BigInt to number rounds once, to nearest even; the power of two is then exact.
  const mantissa = Number(BigInt(`0x${whole}${fraction}`));
  return scale(mantissa, Number(power) - 4 * fraction.length);
}

/** x · 2^power, in steps that neither overflow nor vanish before the result does. */
function scale(x: number, power: number): number {
  let left = Math.max(-5000, Math.min(5000, power));
  while (left > 1000) {
    x *= 2 ** 1000;
    left -= 1000;
  }
  while (left < -1000) {
    x *= 2 ** -1000;
    left += 1000;
  }
  return x * 2 ** left;
}

/**
 * The exact hexadecimal spelling of `x`, as C's `%a` prints it: `0x1p-3`, `-0x1.8p+1`, `inf`,
 * `nan`.
 */
export function hexFloat(x: number): string {
  if (Number.isNaN(x)) return "nan";
  const sign = x < 0 || Object.is(x, -0) ? "-" : "";
  if (!Number.isFinite(x)) return `${sign}inf`;
  let magnitude = Math.abs(x);
  if (magnitude === 0) return `${sign}0x0p+0`;
  let exponent = 0;
  while (magnitude >= 2) {
    const step = magnitude >= 2 ** 64 ? 64 : 1;
    magnitude /= 2 ** step;
    exponent += step;
  }
  while (magnitude < 1) {
    const step = magnitude < 2 ** -64 ? 64 : 1;
    magnitude *= 2 ** step;
    exponent -= step;
  }
  let digits = "";
  for (let rest = magnitude - 1; rest !== 0; ) {
    rest *= 16;
    const digit = Math.floor(rest);
    digits += digit.toString(16);
    rest -= digit;
  }
  const point = digits === "" ? "" : ".";
  return `${sign}0x1${point}${digits}p${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}
