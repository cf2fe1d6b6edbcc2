/** `softplus` on both sides of ln 65504 = 11.09. */
import { defineProbe, factClaim } from "./define.ts";
import { outputOf, reading, rows, run } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: rows([[10, 12]], W) };

export const softplusCutoff = defineProbe({
  name: "softplus_cutoff",
  asks: "Is `softplus` of 12 zero?",
  steps: () => [run("softplus", [x], (b) => b.op("softplus", { x: b.input("x") }))],
  claims: [
    factClaim("softplus_cutoff", {
      holds: "zero",
      otherwise: "its argument",
      needs: ["softplus"],
      read: (o) => {
        const [below, above] = [outputOf(o, "softplus")[0]!, outputOf(o, "softplus")[1]!];
        const isRight = Math.abs(below - 10) < 0.1;
        const answer =
          above === 0 ? "zero" : Math.abs(above - 12) < 0.1 ? "its argument" : undefined;
        return reading(isRight ? answer : undefined, { below, above });
      },
    }),
  ],
});
