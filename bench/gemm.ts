/**
 * Matrix products at the sizes of a training step: the built-in kernel against the BLAS of this
 * machine, GFLOP/s.
 *
 *     npm run build && node dist/bench/gemm.js [path of a BLAS library]
 *
 * M is the 128 tokens of one sequence. NN is the forward pass, NT the gradient of the input, TN the
 * gradient of the weights.
 */
import { deviceInfo, measureGemm } from "../runtime-native/js/index.ts";

const SECONDS = 0.3;

/** [name, m, n, k, transA, transB] */
const shapes: readonly (readonly [string, number, number, number, boolean, boolean])[] = [
  ["qkv forward", 128, 768, 512, false, false],
  ["qkv dX", 128, 512, 768, false, true],
  ["qkv dW", 512, 768, 128, true, false],
  ["gate+up forward", 128, 2816, 512, false, false],
  ["gate+up dX", 128, 512, 2816, false, true],
  ["gate+up dW", 512, 2816, 128, true, false],
  ["down forward", 128, 512, 1408, false, false],
  ["down dX", 128, 1408, 512, false, true],
  ["down dW", 1408, 512, 128, true, false],
  ["logits forward", 128, 16896, 512, false, true],
  ["logits dX", 128, 512, 16896, false, false],
  ["logits dW", 16896, 512, 128, true, false],
  ["logits, one token", 1, 16896, 512, false, true],
  ["2048 cubed", 2048, 2048, 2048, false, false],
];

function main(): void {
  const blas = process.argv[2] ?? "system";
  const { blas: library, simd, threads } = deviceInfo({ blas });
  const other = library === null ? "no BLAS found" : library.name;
  process.stdout.write(`${threads} threads, built-in (${simd}) and ${other}, GFLOP/s\n\n`);
  for (const [name, m, n, k, transA, transB] of shapes) {
    const shape = { m, n, k, transA, transB, seconds: SECONDS };
    const own = measureGemm({ ...shape, blas: "builtin" });
    const cells = [name.padEnd(20), own.toFixed(1).padStart(8)];
    if (library !== null) {
      const theirs = measureGemm({ ...shape, blas });
      cells.push(theirs.toFixed(1).padStart(8), `${(own / theirs).toFixed(2)}x`.padStart(8));
    }
    process.stdout.write(`${cells.join("")}\n`);
  }
}

main();
