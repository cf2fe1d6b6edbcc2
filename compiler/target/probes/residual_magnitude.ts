/** How fine a residual stream is beyond 1,024: it is kept in fp16 between two additions. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const W = 32;
const full = (name: string, value: number) => ({
  name,
  shape: [1, 1, 1, W],
  values: filled(W, () => value),
});

export const residualMagnitude = defineProbe({
  name: "residual_magnitude",
  asks: "Is a small addition to a residual stream of 1,024 lost?",
  steps: () => [
    run("stream", [full("a", 0.375), full("x", 1024)], (b) => {
      const a = b.input("a");
      return b.add(b.add(b.input("x"), a), a);
    }),
  ],
  claims: [
    factClaim("residual_magnitude", {
      holds: "lost",
      otherwise: "kept",
      needs: ["stream"],
      read: (o) => matching({ stream: outputOf(o, "stream")[0]! }, { lost: [1024], kept: [1025] }),
    }),
  ],
});
