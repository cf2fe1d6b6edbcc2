/** Products of dense matrices: what each kind of arithmetic has to provide. */

/** A number for each row or for each column. */
export interface Along {
  readonly along: "rows" | "columns";
  readonly values: Float64Array;
}

/** start + Σₖ x[i, k] · y[k, j]; all matrices dense and row-major. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** [m, k] */
  readonly x: Float64Array;
  /** [k, n] */
  readonly y: Float64Array;
  /** Where the sums begin. */
  readonly start?: Along | undefined;
}

/** The [m, n] sums. */
export type Multiply = (product: Product) => Float64Array;

/** Sums in fp32, rounded after each product, in the order of k. */
export const multiplySingle: Multiply = (product) =>
  Float64Array.from(addUp(product, new Float32Array(product.m * product.n)));

/** Sums in float64; exact for whole numbers up to 2^53. */
export const multiplyDouble: Multiply = (product) =>
  addUp(product, new Float64Array(product.m * product.n));

/** The number for row i and column j. */
export function alongAt({ along, values }: Along, i: number, j: number): number {
  return values[along === "rows" ? i : j]!;
}

function addUp<T extends Float32Array | Float64Array>(product: Product, out: T): T {
  const { m, k, n, x, y, start } = product;
  if (start !== undefined) {
    for (let i = 0; i < out.length; i++) out[i] = alongAt(start, Math.floor(i / n), i % n);
  }
  for (let i = 0; i < m; i++) {
    for (let inner = 0; inner < k; inner++) {
      addRow(out, i * n, x[i * k + inner]!, y, inner * n, n);
    }
  }
  return out;
}

/** out[to + j] += factor · y[from + j] */
function addRow(
  out: Float32Array | Float64Array,
  to: number,
  factor: number,
  y: Float64Array,
  from: number,
  n: number,
): void {
  for (let j = 0; j < n; j++) out[to + j]! += factor * y[from + j]!;
}
