/**
 * The grid on which products lie: multiples of 2^-16, and nothing at all where the exponents of the
 * factors add up to less than -16.
 */
import { defineProbe, factClaim } from "./define.ts";
import { matching, outputOf, rows, run } from "./steps.ts";

const K = 32;
/** A factor, and the number it is multiplied by. */
const PRODUCTS = [
  [2 ** -9, 2 ** -8], // 2^-17, exponents -17
  [1.75 * 2 ** -9, 1.75 * 2 ** -8], // 1.53125 · 2^-16, exponents -17
  [2 ** -8, 1.5 * 2 ** -8], // 1.5 · 2^-16, exponents -16
  [2 ** -7, 2 ** -7],
] as const;
const x = {
  name: "x",
  shape: [1, 1, 4, K],
  values: rows(
    PRODUCTS.map(([a], i) => at(i, a)),
    K,
  ),
};
const w = {
  name: "w",
  shape: [1, 1, K, K],
  values: rows(
    Array.from({ length: K }, (_, i) => column(i)),
    K,
  ),
};

function at(index: number, value: number): number[] {
  const row = new Array<number>(index + 1).fill(0);
  row[index] = value;
  return row;
}

/** Row i of `w`: the other factor of product i in every column. */
function column(i: number): number[] {
  return new Array<number>(K).fill(PRODUCTS[i]?.[1] ?? 0);
}

const GRID = "on the grid";
const FINE = "finer";

export const productGrid = defineProbe({
  name: "product_grid",
  asks: "Are products rounded to multiples of 2^-16, and small ones dropped?",
  steps: () => [run("products", [w, x], (b) => b.matmul(b.input("x"), b.input("w")))],
  claims: [
    factClaim("product_grid", {
      holds: GRID,
      otherwise: FINE,
      needs: ["products"],
      read: (o) => {
        const y = outputOf(o, "products");
        const [dropped, nearly, rounded, kept] = [0, 1, 2, 3].map((i) => y[i * K]!);
        return matching(
          { dropped: dropped!, nearly: nearly!, rounded: rounded!, kept: kept! },
          {
            [GRID]: [0, 0, 2 ** -15, 2 ** -14],
            [FINE]: [2 ** -17, 1.53125 * 2 ** -16, 1.5 * 2 ** -16, 2 ** -14],
          },
        );
      },
    }),
  ],
});
