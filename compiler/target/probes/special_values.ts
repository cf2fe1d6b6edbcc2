/** What products make of infinities, NaN and -0: an exponent of 31 is read as a number. */
import { defineProbe, factClaim } from "./define.ts";
import { matching, outputOf, rows, run } from "./steps.ts";

const W = 32;
const EIGHTH = rows(
  Array.from({ length: W }, () => new Array<number>(W).fill(0.125)),
  W,
);

export const specialValues = defineProbe({
  name: "special_values",
  asks: "Do products read an infinity as 65,536 and NaN as 98,304?",
  steps: () => [
    run(
      "product",
      [
        { name: "w", shape: [1, 1, W, W], values: EIGHTH },
        { name: "x", shape: [1, 1, 2, W], values: rows([[Infinity], [NaN]], W) },
      ],
      (b) => b.matmul(b.input("x"), b.input("w")),
    ),
  ],
  claims: [
    factClaim("special_values", {
      holds: "as numbers",
      otherwise: "as in IEEE arithmetic",
      needs: ["product"],
      read: (o) => {
        const y = outputOf(o, "product");
        return matching(
          { infinity: y[0]!, nan: y[W]! },
          { "as numbers": [8192, 12288], "as in IEEE arithmetic": [Infinity, NaN] },
        );
      },
    }),
  ],
});
