/** How wide `reduce_sum` adds: 2,048 and two ones are 2,050, or 2,052 where every step is rounded. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const [C, W] = [3, 32];
const x = { name: "x", shape: [1, C, 1, W], values: filled(C * W, (i) => (i < W ? 2048 : 1)) };

const STEP = "rounded at every step";
const WIDE = "rounded once";

export const reducedSums = defineProbe({
  name: "reduced_sums",
  asks: "Does `reduce_sum` round its running sum to fp16?",
  steps: () => [run("sum", [x], (b) => b.reduceSum(b.input("x"), [1]))],
  claims: [
    factClaim("reduced_sums", {
      holds: STEP,
      otherwise: WIDE,
      weSay: "refuted",
      needs: ["sum"],
      read: (o) => matching({ sum: outputOf(o, "sum")[0]! }, { [WIDE]: [2050], [STEP]: [2052] }),
    }),
  ],
});
