/** A small program with a known result, before anything else is believed. */
import { defineProbe, factClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const W = 64;
const full = (name: string, of: (i: number) => number) => ({
  name,
  shape: [1, 4, 1, W],
  values: filled(4 * W, of),
});

export const knownAnswer = defineProbe({
  name: "known_answer",
  asks: "Does this machine evaluate what it compiles?",
  steps: () => [
    run("sum", [full("a", () => 1), full("b", (i) => i)], (b) => b.add(b.input("a"), b.input("b"))),
  ],
  claims: [
    factClaim("known_answer", {
      holds: "evaluates",
      otherwise: "does not",
      needs: [],
      read: (o) => {
        const outcome = o.get("sum");
        if (outcome?.kind !== "ran")
          return {
            answer: "does not",
            ...(outcome && "words" in outcome ? { why: outcome.words } : {}),
          };
        const y = outputOf(o, "sum");
        const found = { first: y[0]!, last: y[4 * W - 1]! };
        const read = matching(found, { evaluates: [1, 4 * W] });
        return { ...read, answer: read.answer ?? "does not" };
      },
    }),
  ],
});
