/** Whether a factor behind a product is rounded to fp16: 1/√96 is written with all its digits. */
import { roundToHalf } from "../../support/half.ts";
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, rows, run } from "./steps.ts";

const K = 32;
const FACTOR = 1 / Math.sqrt(96);
/** Whether `value` is so near the middle of two fp16 numbers that rounding goes either way. */
const isTie = (value: number): boolean =>
  roundToHalf(value * (1 - 1e-6)) !== roundToHalf(value * (1 + 1e-6));
/** Numbers whose product with the factor shows in the last place of fp16 whether it was rounded. */
const TELLING = Array.from({ length: 2048 }, (_, i) => i + 1)
  .filter((n) => !isTie(n * FACTOR) && !isTie(n * roundToHalf(FACTOR)))
  .filter((n) => roundToHalf(n * FACTOR) !== roundToHalf(n * roundToHalf(FACTOR)))
  .slice(0, 16);
const x = {
  name: "x",
  shape: [1, 1, TELLING.length, K],
  values: rows(
    TELLING.map((n) => [n]),
    K,
  ),
};
const w = { name: "w", shape: [1, 1, K, K], values: filled(K * K, () => 1) };

export const scaleWord = defineProbe({
  name: "scale_word",
  asks: "Is the factor behind a product rounded to fp16?",
  steps: () => [
    run("scaled", [w, x], (b) => b.mul(b.matmul(b.input("x"), b.input("w")), b.scalar(FACTOR))),
  ],
  claims: [
    factClaim("scale_word", {
      holds: "rounded",
      otherwise: "whole",
      needs: ["scaled"],
      read: (o) => {
        const y = outputOf(o, "scaled");
        const count = (factor: number): number =>
          TELLING.filter((n, i) => y[i * K] === roundToHalf(n * factor)).length;
        const [rounded, whole] = [count(roundToHalf(FACTOR)), count(FACTOR)];
        const answer =
          rounded === TELLING.length ? "rounded" : whole === TELLING.length ? "whole" : undefined;
        return reading(answer, { rounded, whole, of: TELLING.length });
      },
    }),
  ],
});
