/** How many programs one process can hold. It is one program again and again, compiled once. */
import { milProgram } from "../../mil/build.ts";
import { milFunction } from "../../mil/build_ops.ts";
import { defineProbe, factClaim } from "./define.ts";

const TRIED = 140;
const program = milProgram([
  milFunction("main", [{ name: "x", shape: [1, 1, 1, 32] }], (b) => ({
    y: b.mul(b.input("x"), b.scalar(2)),
  })),
]);

export const loadedPrograms = defineProbe({
  name: "loaded_programs",
  asks: "Can a process hold 140 programs?",
  alone: true,
  steps: () => [
    { kind: "many", label: "programs", count: TRIED, keep: true, program: () => program },
  ],
  claims: [
    factClaim("loaded_programs", {
      holds: "fails",
      otherwise: "holds them",
      weSay: "refuted",
      needs: [],
      read: (o) => {
        const outcome = o.get("programs");
        if (outcome?.kind === "compiled")
          return { answer: "holds them", numbers: { loaded: outcome.count } };
        if (outcome?.kind !== "refused" || outcome.count < 50)
          return {
            why:
              outcome?.kind === "refused" || outcome?.kind === "failed"
                ? outcome.words
                : "no program was loaded",
          };
        return { answer: "fails", why: outcome.words, numbers: { loaded: outcome.count } };
      },
    }),
  ],
});
