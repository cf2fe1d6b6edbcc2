/** A program whose surfaces are a page each, a third of what some say is needed, beside one with enough. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const W = 32;
const given = (channels: number) => ({
  name: "x",
  shape: [1, channels, 1, W],
  values: filled(channels * W, () => 3),
});

export const minimumSurface = defineProbe({
  name: "minimum_surface",
  asks: "Does a program run whose surfaces have less than 49,152 bytes?",
  steps: () => [
    run("page", [given(1)], (b) => b.mul(b.input("x"), b.scalar(2))),
    // 768 rows of 64 bytes.
    run("enough", [given(768)], (b) => b.mul(b.input("x"), b.scalar(2))),
  ],
  claims: [
    factClaim("minimum_surface", {
      holds: "fails",
      otherwise: "runs",
      weSay: "refuted",
      needs: ["enough"],
      read: (o) => {
        const outcome = o.get("page");
        if (outcome?.kind === "failed") return { answer: "fails", why: outcome.words };
        if (outcome?.kind !== "ran") return { why: "the program was refused" };
        return matching({ y: outputOf(o, "page")[0]! }, { runs: [6] });
      },
    }),
  ],
});
