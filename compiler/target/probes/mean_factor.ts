/** The factor of `reduce_mean`: 1/768 in fp32, or a sum that passes fp16 and 1/768 in fp16. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const [C, W] = [768, 32];
const x = { name: "x", shape: [1, C, 1, W], values: filled(C * W, () => 200) };

export const meanFactor = defineProbe({
  name: "mean_factor",
  asks: "Is a mean exact whose sum passes 65,504?",
  steps: () => [run("mean", [x], (b) => b.reduceMean(b.input("x"), [1]))],
  claims: [
    factClaim("mean_factor", {
      holds: "exact",
      otherwise: "through an fp16 sum",
      needs: ["mean"],
      read: (o) =>
        matching(
          { mean: outputOf(o, "mean")[0]! },
          { exact: [200], "through an fp16 sum": [Infinity] },
        ),
    }),
  ],
});
