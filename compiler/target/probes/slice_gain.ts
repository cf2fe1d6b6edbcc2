/** Large numbers in a slice that starts inside the last axis. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const W = 64;
const x = {
  name: "x",
  shape: [1, 1, 1, W],
  values: filled(W, (i) => (i % 2 === 0 ? 4096 : 4092)),
};

export const sliceGain = defineProbe({
  name: "slice_gain",
  asks: "Does a slice that starts inside the last axis turn 4,096 into an infinity?",
  steps: () => [
    run("inside", [x], (b) => b.sliceBySize(b.input("x"), [0, 0, 0, 32], [1, 1, 1, 32])),
    run("front", [x], (b) => b.sliceBySize(b.input("x"), [0, 0, 0, 0], [1, 1, 1, 32])),
  ],
  claims: [
    factClaim("slice_gain", {
      holds: "an infinity",
      otherwise: "4,096",
      needs: ["inside", "front"],
      read: (o) => {
        const [inside, front] = [outputOf(o, "inside"), outputOf(o, "front")];
        return matching(
          { large: inside[0]!, small: inside[1]!, front: front[0]! },
          { "an infinity": [Infinity, 4092, 4096], "4,096": [4096, 4092, 4096] },
        );
      },
    }),
  ],
});
