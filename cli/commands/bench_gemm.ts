/**
 * `anec bench gemm`: matrix products at the sizes of a training step, ours and a library's. What it finds
 * is kept for `--blas auto`.
 */
import type { Command } from "commander";
import {
  type DeviceOptions,
  deviceInfo,
  measureBound,
  measureGemm,
} from "../../runtime-native/js/index.ts";
import { trainingPlan } from "../../training/programs.ts";
import { trainingWorkload } from "../bench/workload.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag, whole } from "../flags.ts";
import { openSource } from "../models.ts";
import { jsonLine, table } from "../output.ts";
import { keepProducts, type MeasuredProduct } from "../product_table.ts";
import { withProgress } from "../progress.ts";

interface Flags extends JsonFlag {
  readonly blas: string;
  readonly model?: string;
  readonly threads?: number;
}

const SECONDS = 0.2;
/** The two take turns, and the best of each counts, so that a machine that is busy for a while favours neither. */
const TURNS = 4;

type Product = readonly [
  name: string,
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
];

/**
 * [name, m, n, k, transA, transB]: M is the 128 tokens of a sequence. NN is the forward pass, NT the
 * gradient of the input, TN the gradient of the weights.
 */
const shapes: readonly Product[] = [
  ["q, o forward", 128, 512, 512, false, false],
  ["q, o dX", 128, 512, 512, false, true],
  ["q, o dW", 512, 512, 128, true, false],
  ["gate, up forward", 128, 1408, 512, false, false],
  ["gate, up dX", 128, 512, 1408, false, true],
  ["gate, up dW", 512, 1408, 128, true, false],
  ["down forward", 128, 512, 1408, false, false],
  ["down dX", 128, 1408, 512, false, true],
  ["down dW", 1408, 512, 128, true, false],
  ["logits forward", 128, 16893, 512, false, true],
  ["logits dX", 128, 512, 16893, false, false],
  ["logits dW", 16893, 512, 128, true, false],
  ["logits, one token", 1, 16893, 512, false, true],
  ["2048 cubed", 2048, 2048, 2048, false, false],
];

export const command = {
  examples: [
    "anec bench gemm",
    "anec bench gemm --model stories110m",
    "anec bench gemm --blas /usr/lib/libopenblas.so --json",
  ],

  define(c: Command): void {
    c.option("--blas <library>", "what to compare with: system, or the path of one", "system")
      .option(
        "--model <name>",
        "measure the products of its training step (default: a few of autoresearch)",
      )
      .option(
        "--threads <n>",
        "threads to use (default: one per processor)",
        whole("--threads", 1, 256),
      );
    jsonFlag(c);
  },

  run({ io, flags }: Call<Flags>): number {
    const device = flags.threads === undefined ? {} : { threads: flags.threads };
    const { blas: library, simd, threads } = deviceInfo({ ...device, blas: flags.blas });
    const products = flags.model === undefined ? shapes : productsOf(flags.model);
    const rows = withProgress(
      io.err,
      (done, all) => `product ${done} of ${all}`,
      (onProgress) =>
        products.map((product, i) => {
          onProgress(i, products.length);
          return measureProduct(product, library === null ? undefined : flags.blas, device);
        }),
    );
    const measured = rows.flatMap(({ library: theirs, ...r }) =>
      theirs === null ? [] : [{ ...r, library: theirs }],
    );
    if (library !== null && library.path !== "") {
      keepProducts(library.path, measured.map(withoutName), device);
    }
    if (flags.json === true) {
      io.out.write(jsonLine({ threads, simd, library: library?.name ?? null, products: rows }));
      return EXIT.ok;
    }
    const other = library === null ? "no BLAS found" : library.name;
    io.out.write(`GFLOP/s on ${threads} threads: built in (${simd}), and ${other}\n\n`);
    const cells = rows.map((r) => [
      r.name,
      `${r.m} x ${r.n} x ${r.k} ${r.transA ? "T" : "N"}${r.transB ? "T" : "N"}`,
      r.peak.toFixed(1),
      r.own.toFixed(1),
      (r.own / r.peak).toFixed(2),
      ...(r.library === null ? [] : [r.library.toFixed(1), (r.own / r.library).toFixed(2)]),
    ]);
    const head = ["product", "size", "multiply-adds", "built in", "of them", other, "of it"];
    io.out.write(table(cells, { head: head.slice(0, cells[0]!.length), right: [2, 3, 4, 5, 6] }));
    return EXIT.ok;
  },
};

/** GFLOP/s of a product: ours, and that of `blas` if there is one, beside multiply-adds on registers. */
function measureProduct(
  [name, m, n, k, transA, transB]: Product,
  blas: string | undefined,
  device: DeviceOptions,
) {
  const shape = { m, n, k, transA, transB, seconds: SECONDS / TURNS, ...device };
  const peak = measureBound("multiplyAdd", SECONDS / 4, device);
  let own = 0;
  let theirs = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    own = Math.max(own, measureGemm({ ...shape, blas: "builtin" }));
    if (blas !== undefined) theirs = Math.max(theirs, measureGemm({ ...shape, blas }));
  }
  const library = blas === undefined ? null : theirs;
  return { name, m, n, k, transA, transB, peak, own, library };
}

/** The products of a model's training step, each size once. */
function productsOf(model: string): Product[] {
  const { graph } = trainingWorkload({ source: openSource(model) });
  const program = trainingPlan(graph).plan.programs.find((p) => p.name === "micro_step")!;
  const found = new Map<string, Product>();
  for (const { kernel, label, ints } of program.commands) {
    if (kernel !== "matmul") continue;
    const [, m, n, k, transA, transB] = ints as [number, number, number, number, number, number];
    const key = [m, n, k, transA, transB].join(" ");
    if (!found.has(key)) found.set(key, [label, m, n, k, transA === 1, transB === 1]);
  }
  return [...found.values()];
}

function withoutName({ m, n, k, transA, transB, own, library }: MeasuredProduct): MeasuredProduct {
  return { m, n, k, transA, transB, own, library };
}
