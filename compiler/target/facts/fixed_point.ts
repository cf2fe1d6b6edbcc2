/** The arithmetic of products, as exact as facts need it. */
import { roundToHalf } from "../../support/half.ts";
import type { Arithmetic } from "./run_context.ts";

/** 2^-16: the unit in which products are added up. */
export const GRID = 2 ** -16;
/** Sums from here on are infinities. */
export const MAC_LIMIT = 32_768;

/** The exponent of a number of fp16; that of the smallest normal number below it. */
export function exponentOf(x: number): number {
  return Math.max(-14, Math.floor(Math.log2(Math.abs(x) || 2 ** -14)));
}

/** One product on the grid: half away from zero, and 0 if both are small. */
export function gridProduct(x: number, w: number): number {
  const [a, b] = [roundToHalf(x), roundToHalf(w)];
  if (exponentOf(a) + exponentOf(b) < -16) return 0;
  const scaled = (a * b) / GRID;
  return Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5) * GRID;
}

/** The partial sums of a product of two lists, and whether one left the range. */
export function macSum(
  x: readonly number[],
  w: readonly number[],
): { readonly sum: number; readonly overflows: boolean } {
  let sum = 0;
  let overflows = false;
  for (const [i, a] of x.entries()) {
    sum += gridProduct(a, w[i]!);
    overflows ||= Math.abs(sum) >= MAC_LIMIT;
  }
  return { sum, overflows };
}

/** The two operand lists of a product, if the numbers are one. */
export function macOperands(
  n: Arithmetic | undefined,
): readonly [readonly number[], readonly number[]] | undefined {
  const [x, w] = n?.unit === "mac" ? n.operands : [];
  return x === undefined || w === undefined ? undefined : [x, w];
}
