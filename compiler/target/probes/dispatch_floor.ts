/** How long a call takes that computes next to nothing. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, reading, run, timeOf } from "./steps.ts";

const W = 32;
const x = { name: "x", shape: [1, 1, 1, W], values: filled(W, () => 3) };

export const dispatchFloor = defineProbe({
  name: "dispatch_floor",
  asks: "Does the smallest call take 60 to 230 microseconds?",
  steps: () => [run("least", [x], (b) => b.mul(b.input("x"), b.scalar(2)), { times: 101 })],
  claims: [
    factClaim("dispatch_floor", {
      holds: "60 to 230 µs",
      otherwise: "another time",
      needs: ["least"],
      read: (o) => {
        const microseconds = timeOf(o, "least") / 1000;
        const isInside = microseconds >= 60 && microseconds <= 230;
        return reading(isInside ? "60 to 230 µs" : "another time", { microseconds });
      },
    }),
  ],
});
