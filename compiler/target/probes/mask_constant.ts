/** A score behind masks of -65,504 and -40,000. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: filled(W, () => -32) };

export const maskConstant = defineProbe({
  name: "mask_constant",
  asks: "Does a mask of -65,504 leave fp16 when a score is added?",
  steps: () => [
    run("lowest", [x], (b) => b.add(b.input("x"), b.scalar(-65504))),
    run("inside", [x], (b) => b.add(b.input("x"), b.scalar(-40000))),
  ],
  claims: [
    factClaim("mask_constant", {
      holds: "minus infinity",
      otherwise: "finite",
      needs: ["lowest", "inside"],
      read: (o) =>
        matching(
          { lowest: outputOf(o, "lowest")[0]!, inside: outputOf(o, "inside")[0]! },
          { "minus infinity": [-Infinity, -40032], finite: [-65504, -40032] },
        ),
    }),
  ],
});
