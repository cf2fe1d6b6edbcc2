/** Inputs of two sizes whose names sort against their sizes. */

import type { Outcomes, Reading } from "./define.ts";
import { defineProbe, factClaim, questionClaim } from "./define.ts";
import { filled, matching, outputOf, run } from "./steps.ts";

const [C, W] = [64, 32];
const large = { name: "W", shape: [1, C, 1, W], values: filled(C * W, () => 2) };
const small = { name: "x", shape: [1, 1, 1, W], values: filled(W, () => 3) };

export const severalInputs = defineProbe({
  name: "several_inputs",
  asks: "Does a request run that has inputs of several sizes?",
  steps: () => [
    run("one", [small], (b) => b.mul(b.input("x"), b.scalar(2))),
    run("two", [small, large], (b) => b.mul(b.input("x"), b.input("W"))),
  ],
  claims: [
    factClaim("several_inputs", {
      holds: "fails",
      otherwise: "runs",
      weSay: "refuted",
      needs: ["one"],
      read: readTwo,
    }),
    factClaim("equal_surfaces", {
      holds: "fails",
      otherwise: "runs",
      weSay: "refuted",
      needs: ["one"],
      read: readTwo,
    }),
    questionClaim("tiled_input", {
      answers: ["runs", "fails"],
      expects: "runs",
      needs: ["one"],
      read: readTwo,
    }),
  ],
});

function readTwo(outcomes: Outcomes): Reading {
  const outcome = outcomes.get("two");
  if (outcome?.kind === "failed") return { answer: "fails", why: outcome.words };
  if (outcome?.kind !== "ran") return { why: "the program with two inputs was refused" };
  return matching({ y: outputOf(outcomes, "two")[0]! }, { runs: [6] });
}
