/** Products by a library where it was measured to be faster: the session, and the table it comes from. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deviceOptions } from "../../cli/device.ts";
import { fastestProducts, keepProducts, type MeasuredProduct } from "../../cli/product_table.ts";
import { deviceInfo, measureGemm } from "../../runtime-native/js/index.ts";
import { type KernelCall, runKernel } from "./harness.ts";

/** A BLAS whose every product is sevens, so that its work can be told from ours. */

const SEVENS = `
void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a, int lda,
                 const float* b, int ldb, float beta, float* c, int ldc) {
  for (int i = 0; i < m; ++i) for (int j = 0; j < n; ++j) c[i * ldc + j] = 7;
}`;

const folder = mkdtempSync(join(tmpdir(), "anec-products-"));
const library = join(folder, "libsevens.so");

beforeAll(() => {
  const source = join(folder, "sevens.c");
  writeFileSync(source, SEVENS);
  execFileSync(process.env["CC"] ?? "cc", ["-shared", "-fPIC", "-w", source, "-o", library]);
});
afterAll(() => rmSync(folder, { recursive: true }));

const small = { m: 2, n: 2, k: 1, transA: false, transB: false };
const wide = { m: 2, n: 3, k: 1, transA: false, transB: false };

function ones({ m, n, k }: typeof small): KernelCall {
  const [a, b, c] = [m * k, k * n, m * n].map((size) => new Float32Array(size).fill(1));
  const ints = [1, m, n, k, 0, 0, k, n, n, m * k, k * n, m * n, 0];
  return { kernel: "matmul", operands: [a!, b!, c!], ints, floats: [1] };
}

const product = (size: typeof small, options: Parameters<typeof runKernel>[1]): number[] => [
  ...runKernel(ones(size), { threads: 1, ...options })[2]!,
];

test("a session gives the library the products that are listed, and no others", () => {
  const listed = { blas: library, products: [small] };
  expect(product(small, listed)).toEqual([7, 7, 7, 7]);
  expect(product(wide, listed)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(product(wide, { blas: library })).toEqual([7, 7, 7, 7, 7, 7]);
  expect(product(small, { blas: library, products: [] })).toEqual([1, 1, 1, 1]);
  expect(product(small, { blas: library, products: [{ ...small, transB: true }] })).toEqual([
    1, 1, 1, 1,
  ]);
});

test("a library is found and measured by its path", () => {
  expect(deviceInfo({ blas: library }).blas?.name).toBe("BLAS");
  expect(measureGemm({ ...small, seconds: 0, blas: library, threads: 1 })).toBeGreaterThan(0);
});

const measured = (size: typeof small, own: number, theirs: number): MeasuredProduct => ({
  ...size,
  own,
  library: theirs,
});

test("auto takes the library for the products it is clearly faster at", () => {
  const where = { threads: 2, cache: join(folder, "auto") };
  expect(fastestProducts(where)).toEqual({});
  keepProducts(library, [measured(small, 100, 120), measured(wide, 100, 102)], where);
  expect(fastestProducts(where)).toEqual({ blas: library, products: [small] });
  expect(fastestProducts({ ...where, threads: 3 })).toEqual({});

  // A later measurement of a size replaces the earlier one and leaves the others.
  keepProducts(library, [measured(wide, 100, 140)], where);
  expect(fastestProducts(where).products).toEqual([small, wide]);
  keepProducts(library, [measured(small, 100, 90)], where);
  expect(fastestProducts(where).products).toEqual([wide]);
});

test("a table of another build of the library, or a damaged one, is not looked at", () => {
  const where = { threads: 2, cache: join(folder, "stale") };
  keepProducts(library, [measured(small, 1, 2)], where);
  expect(fastestProducts(where).blas).toBe(library);
  utimesSync(library, 1, 1);
  expect(fastestProducts(where)).toEqual({});

  keepProducts(library, [measured(small, 1, 2)], where);
  const tables = join(where.cache, "products");
  for (const text of ["{", "null", '{"library":1}', `{"library":"${library}","products":[{}]}`]) {
    for (const name of readdirSync(tables)) writeFileSync(join(tables, name), text);
    expect(fastestProducts(where)).toEqual({});
  }
});

test("`--blas auto` and no flag ask the table; any other word does not", () => {
  const table = { blas: library, products: [small] };
  const none = () => ({ blas: null });
  expect(deviceOptions({ blas: "auto" }, none, () => table)).toEqual(table);
  expect(deviceOptions({ threads: 2 }, none, () => table)).toEqual({ threads: 2, ...table });
  expect(deviceOptions({ blas: "builtin" }, none, () => table)).toEqual({ blas: "builtin" });
});
