/** Two inputs of one shape, declared against the order of their names. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const W = 32;
const full = (name: string, value: number) => ({
  name,
  shape: [1, 1, 1, W],
  values: filled(W, () => value),
});

export const portOrder = defineProbe({
  name: "port_order",
  asks: "Are surfaces bound in the order of the names of ports?",
  steps: () => [
    run("difference", [full("x", 3), full("W", 1)], (b) => b.sub(b.input("x"), b.input("W"))),
    run("results", [full("x", 3)], (b) => ({
      z: b.mul(b.input("x"), b.scalar(2)),
      A: b.mul(b.input("x"), b.scalar(4)),
    })),
  ],
  claims: [
    factClaim("port_order", {
      holds: "by name",
      otherwise: "as declared",
      needs: ["difference", "results"],
      read: (o) =>
        matching(
          {
            difference: outputOf(o, "difference")[0]!,
            z: outputOf(o, "results", "z")[0]!,
            A: outputOf(o, "results", "A")[0]!,
          },
          { "by name": [2, 6, 12], "as declared": [-2, 12, 6] },
        ),
    }),
  ],
});
