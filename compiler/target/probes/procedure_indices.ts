/** The second function of a program, run by itself. */
import { milProgram } from "../../mil/build.ts";
import { milFunction } from "../../mil/build_ops.ts";
import { defineProbe, factClaim, questionClaim } from "./define.ts";
import { compile, filled, matching, outputOf, run } from "./steps.ts";

const W = 32;
const shape = [1, 1, 1, W];

/** Functions that multiply by 2, 3, 4, … */
const functions = (count: number) =>
  milProgram(
    Array.from({ length: count }, (_, i) =>
      milFunction(i === 0 ? "main" : `f${i}`, [{ name: `x${i}`, shape }], (b) => ({
        [`y${i}`]: b.mul(b.input(`x${i}`), b.scalar(2 + i)),
      })),
    ),
  );

export const procedureIndices = defineProbe({
  name: "procedure_indices",
  asks: "Are the inputs of all functions of a program numbered together?",
  steps: () => [
    {
      ...run("second", [{ name: "x1", shape, values: filled(W, () => 5) }], (b) => b.input("x1")),
      program: functions(2),
      procedure: 1,
    },
    compile("sixteen", functions(16)),
  ],
  claims: [
    factClaim("procedure_indices", {
      holds: "together",
      otherwise: "otherwise",
      needs: ["second"],
      read: (o) =>
        matching({ y: outputOf(o, "second", "y1")[0]! }, { together: [15], otherwise: [10] }),
    }),
    questionClaim("function_count", {
      answers: ["16 or more", "fewer than 16"],
      expects: "16 or more",
      needs: ["second"],
      read: (o) => ({
        answer: o.get("sixteen")?.kind === "compiled" ? "16 or more" : "fewer than 16",
      }),
    }),
  ],
});
