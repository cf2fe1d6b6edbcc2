/** Ten inputs, each of which has its mark at a place of its own, so that any swap shows. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, run } from "./steps.ts";

const W = 32;
const NAMES = Array.from({ length: 10 }, (_, i) => `i0${i}`);
/** Input i is 1 at place i; it is multiplied by i + 1, so y is 1, 2, 3, … */
const inputs = NAMES.map((name, i) => ({
  name,
  shape: [1, 1, 1, W],
  values: filled(W, (place) => (place === i ? 1 : 0)),
}));

export const inputCount = defineProbe({
  name: "input_count",
  asks: "Are more than eight inputs bound to the wrong surfaces?",
  steps: () => [
    run("ten", inputs, (b) =>
      NAMES.map((name, i) => b.mul(b.input(name), b.scalar(i + 1))).reduce((x, y) => b.add(x, y)),
    ),
  ],
  claims: [
    factClaim("input_count", {
      holds: "wrong",
      otherwise: "right",
      weSay: "holds",
      notEmulated: true,
      needs: ["ten"],
      read: (o) => {
        const y = outputOf(o, "ten");
        const wrong = NAMES.filter((_, i) => y[i] !== i + 1).length;
        return reading(wrong === 0 ? "right" : "wrong", { wrong, of: NAMES.length });
      },
    }),
  ],
});
