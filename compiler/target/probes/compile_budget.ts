/** How many programs one process can compile. */
import { milProgram } from "../../mil/build.ts";
import { milFunction } from "../../mil/build_ops.ts";
import { versionNumber } from "../facts/define.ts";
import { defineProbe, factClaim, type Outcomes, questionClaim, type Reading } from "./define.ts";

/** More than any limit that is reported before macOS 26: 119, and 169 once. */
const TRIED = 200;

/** What was compiled once is found again and costs nothing, so every run has programs of its own. */
const program = (index: number, salt: string) => {
  const x = `x_${salt}`;
  return milProgram([
    milFunction("main", [{ name: x, shape: [1, 1, 1, 32] }], (b) => ({
      y: b.mul(b.input(x), b.scalar(1 + index)),
    })),
  ]);
};

export const compileBudget = defineProbe({
  name: "compile_budget",
  asks: "Can a process compile 200 programs?",
  alone: true,
  steps: () => [{ kind: "many", label: "programs", count: TRIED, keep: false, program }],
  claims: [
    factClaim("compile_budget", {
      holds: "fails",
      otherwise: "goes on",
      weSay: "holds",
      needs: [],
      read: readCount,
    }),
    questionClaim("compile_ceiling", {
      answers: ["fails", "goes on"],
      expects: ({ os }) =>
        os !== undefined && versionNumber(os) < versionNumber("26.0") ? "fails" : "goes on",
      needs: [],
      read: readCount,
    }),
  ],
});

function readCount(outcomes: Outcomes): Reading {
  const outcome = outcomes.get("programs");
  if (outcome?.kind === "compiled")
    return { answer: "goes on", numbers: { compiled: outcome.count } };
  if (outcome?.kind !== "refused") return { why: "no program was compiled" };
  const numbers = { compiled: outcome.count };
  // The first of all to fail tells nothing about a budget.
  if (outcome.count < 50) return { why: outcome.words, numbers };
  return { answer: "fails", why: outcome.words, numbers };
}
