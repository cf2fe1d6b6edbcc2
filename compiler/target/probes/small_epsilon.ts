/** `rsqrt` and `inverse` of a number below 2^-17, and of one above. */
import { defineProbe, factClaim } from "./define.ts";
import { outputOf, reading, rows, run } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: rows([[2 ** -18, 2 ** -12]], W) };

export const smallEpsilon = defineProbe({
  name: "small_epsilon",
  asks: "Is `rsqrt` of 2^-18 an infinity?",
  steps: () => [run("rsqrt", [x], (b) => b.rsqrt(b.input("x"), 0))],
  claims: [
    factClaim("small_epsilon", {
      holds: "an infinity",
      otherwise: "512",
      needs: ["rsqrt"],
      read: (o) => {
        const [below, above] = [outputOf(o, "rsqrt")[0]!, outputOf(o, "rsqrt")[1]!];
        const isRight = Math.abs(above - 64) < 1;
        const answer =
          below === Infinity ? "an infinity" : Math.abs(below - 512) < 8 ? "512" : undefined;
        return reading(isRight ? answer : undefined, { below, above });
      },
    }),
  ],
});
