/** A result without the dimension that was reduced, in surfaces with the published layout. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, outputOf, reading, run } from "./steps.ts";

const [C, W] = [8, 32];
/** Channel c holds c + 1 at every position. */
const x = { name: "x", shape: [1, C, 1, W], values: filled(C * W, (i) => 1 + Math.floor(i / W)) };

export const droppedDims = defineProbe({
  name: "dropped_dims",
  asks: "Is a result without its reduced dimension one dense row?",
  steps: () => [
    run("dropped", [x], (b) => b.reduceMax(b.input("x"), [3], { keepDims: false }), {
      published: true,
    }),
    run("kept", [x], (b) => b.reduceMax(b.input("x"), [3]), { published: true }),
  ],
  claims: [
    factClaim("dropped_dims", {
      holds: "as written",
      otherwise: "otherwise",
      needs: ["kept"],
      read: (o) => {
        const outcome = o.get("dropped");
        if (outcome?.kind === "failed") return { answer: "otherwise", why: outcome.words };
        if (outcome?.kind !== "ran") return { why: "the program was refused" };
        const right = (label: string): number =>
          Array.from(outputOf(o, label)).filter((value, c) => value === c + 1).length;
        const [dropped, kept] = [right("dropped"), right("kept")];
        return reading(dropped === C && kept === C ? "as written" : "otherwise", { dropped, kept });
      },
    }),
  ],
});
