/** `cast` to int8 and back. */
import { defineProbe, factClaim } from "./define.ts";
import { matching, outputOf, rows, run } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: rows([[2.75, -2.75, 300]], W) };

export const castTruncates = defineProbe({
  name: "cast_truncates",
  asks: "Does `cast` to int8 cut off the fraction and clamp?",
  steps: () => [run("cast", [x], (b) => b.cast(b.cast(b.input("x"), "int8"), "fp16"))],
  claims: [
    factClaim("cast_truncates", {
      holds: "cuts off",
      otherwise: "rounds",
      needs: ["cast"],
      read: (o) => {
        const y = outputOf(o, "cast");
        return matching(
          { up: y[0]!, down: y[1]!, large: y[2]! },
          { "cuts off": [2, -2, 127], rounds: [3, -3, 127] },
        );
      },
    }),
  ],
});
