/**
 * Products in the engine's fixed point (`--numerics exact`), millions of multiply-accumulates a second.
 *
 *     npm run build && node dist/bench/exact_gemm.js
 *
 * `unit` operands are normal numbers of a layer's size, `small` ones lose most products to the drop
 * rule, and `large` ones may saturate, so that each sum is done one product after another.
 */
import { multiplyExact } from "../compiler/mil/numerics/mac.ts";
import { multiplySingle, type Product } from "../compiler/mil/numerics/multiply.ts";
import { roundToHalf } from "../compiler/support/half.ts";

/** The sum of twelve uniform numbers is normal enough. */
function normal(count: number, size: number, seed: number): Float64Array {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return roundToHalf(sum * size);
  });
}

function rate(product: Product, multiply: (p: Product) => Float64Array): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    multiply(product);
    best = Math.min(best, performance.now() - start);
  }
  return (product.m * product.k * product.n) / best / 1e3;
}

function main(): void {
  process.stdout.write("M × K × N            operands  exact  fp32 sums\n");
  for (const [m, k, n] of [
    [256, 512, 512],
    [256, 1024, 1024],
    [256, 2048, 2048],
    [1, 2048, 2048],
  ] as const) {
    for (const [name, size] of [
      ["unit", k ** -0.5],
      ["small", 0.004],
      ["large", 30],
    ] as const) {
      if (name === "large" && k > 512) continue;
      const product = { m, k, n, x: normal(m * k, size, 1), y: normal(k * n, size, 2) };
      const cells = [rate(product, multiplyExact), rate(product, multiplySingle)];
      const figures = cells.map((v) => v.toFixed(0).padStart(7)).join("");
      process.stdout.write(`${`${m} × ${k} × ${n}`.padEnd(20)} ${name.padEnd(8)}${figures}\n`);
    }
  }
}

main();
