/** The sum of 768 squares of 10, which passes 65,504. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const [C, W] = [768, 32];
const x = { name: "x", shape: [1, C, 1, W], values: filled(C * W, () => 10) };

export const sumOfSquares = defineProbe({
  name: "sum_of_squares",
  asks: "Is the sum of 768 squares of 10 an infinity?",
  steps: () => [
    run("sum", [x], (b) => b.reduceSum(b.mul(b.input("x"), b.input("x")), [1])),
    run("scaled", [x], (b) => {
      const half = b.mul(b.input("x"), b.scalar(0.125));
      return b.reduceSum(b.mul(half, half), [1]);
    }),
  ],
  claims: [
    factClaim("sum_of_squares", {
      holds: "an infinity",
      otherwise: "finite",
      needs: ["sum", "scaled"],
      read: (o) => {
        const found = { sum: outputOf(o, "sum")[0]!, scaled: outputOf(o, "scaled")[0]! };
        // 76,800 as fp32, and a 64th of it as a control.
        return matching(found, { "an infinity": [Infinity, 1200], finite: [76800, 1200] });
      },
    }),
  ],
});
