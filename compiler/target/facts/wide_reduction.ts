/** Long sums of products are slow. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, contraction, PRODUCT_OPS, sites } from "./walk.ts";

const FAST = 4_608;
const text = (k: number): string =>
  program(
    `${fp16("a", [1, 1, 32, k])}, ${fp16("b", [1, 1, k, 32])}`,
    line("y", [1, 1, 32, 32], "matmul(x = a, y = b)"),
  );

export const wideReduction = defineFact({
  id: "wide_reduction",
  statement:
    "Sums over more than about 4,600 products run at a third of the speed; cut into parts they do not.",
  kind: "cost",
  ops: PRODUCT_OPS,
  evidence: [
    reported("ddalcu/mlx-serve", "17,408 in one at 4.3 TFLOPS, in parts of 4,608 at 11.8, M4 Max"),
    reported("joshuarossi/mlx-bun", "eight parts are 2.5 times as fast, M4 Pro"),
    reported("liuliu/ccv", "cuts from 2,560 to 3,072 on"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const k = contraction(site) ?? 0;
      if (k > FAST)
        yield atOp(site.s, `this sum of ${k} products is slow in one piece`, `K = ${k}`);
    }
  },
  workaround:
    "cut the reduction into parts of at most 4,608, a multiple of 32 each, and add their results",
  emulator: "counts the time",
  examples: { fires: text(8192), silent: text(4096) },
});
