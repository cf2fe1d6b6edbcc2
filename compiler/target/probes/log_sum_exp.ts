/** `reduce_log_sum_exp` of numbers whose exponentials do not fit fp16. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, run } from "./steps.ts";

const [C, W] = [2, 32];
const x = { name: "x", shape: [1, C, 1, W], values: filled(C * W, () => 12) };
/** 12 + ln 2 */
const EXACT = 12 + Math.LN2;

export const logSumExp = defineProbe({
  name: "log_sum_exp",
  asks: "Is `reduce_log_sum_exp` wrong where its exponentials leave fp16?",
  steps: () => [
    run("sum", [x], (b) =>
      b.op("reduce_log_sum_exp", { x: b.input("x"), axes: [1], keep_dims: true }),
    ),
  ],
  claims: [
    factClaim("log_sum_exp", {
      holds: "wrong",
      otherwise: "right",
      needs: ["sum"],
      read: (o) => {
        const sum = outputOf(o, "sum")[0]!;
        return reading(Math.abs(sum - EXACT) < 0.05 ? "right" : "wrong", { sum, exact: EXACT });
      },
    }),
  ],
});
