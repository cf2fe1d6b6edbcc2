/** Slices from inside a row, joined in another order. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, run } from "./steps.ts";

const W = 96;
const x = { name: "x", shape: [1, 1, 1, W], values: filled(W, (i) => i) };

export const joinedSlices = defineProbe({
  name: "joined_slices",
  asks: "Does joining two slices from inside a row give wrong elements?",
  steps: () => [
    run("joined", [x], (b) => {
      const part = (from: number) => b.sliceBySize(b.input("x"), [0, 0, 0, from], [1, 1, 1, 32]);
      return b.concat([part(64), part(32)], 3);
    }),
  ],
  claims: [
    factClaim("joined_slices", {
      holds: "wrong elements",
      otherwise: "right",
      notEmulated: true,
      needs: ["joined"],
      read: (o) => {
        const y = Array.from(outputOf(o, "joined"));
        const wrong = y.filter((value, i) => value !== (i < 32 ? 64 + i : i)).length;
        return reading(wrong === 0 ? "right" : "wrong elements", { wrong, of: y.length });
      },
    }),
  ],
});
