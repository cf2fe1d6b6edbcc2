/** A convolution whose weights are an input, in rows of 64 bytes as every input. */
import { convArguments, fp16, line, program, weight } from "../facts/examples.ts";
import { defineProbe, factClaim, type Outcomes, questionClaim, type Reading } from "./define.ts";
import { filled, matching, outputOf, runText } from "./steps.ts";

const [C, W] = [32, 32];
const conv = line("y", [1, C, 1, W], `conv(x = x, weight = w, ${convArguments()})`);
const text = program(`${fp16("w", [C, C, 1, 1])}, ${fp16("x", [1, C, 1, W])}`, conv);
const constant = program(fp16("x", [1, C, 1, W]), `${weight("w", [C, C, 1, 1])}\n${conv}`);
const x = filled(C * W, () => 2);
/** Row o of `w` is o + 1 at input o and 0 elsewhere, so y = (o + 1)·x. */
const w = filled(C * C, (i) => (i % C === Math.floor(i / C) ? 1 + (i % C) : 0));

export const runtimeKernel = defineProbe({
  name: "runtime_kernel",
  asks: "Does `conv` compute with weights that are an input?",
  steps: () => [runText("conv", text, { w, x }), runText("constant", constant, { x })],
  claims: [
    factClaim("runtime_kernel", {
      holds: "no",
      otherwise: "yes",
      weSay: "refuted",
      needs: ["constant"],
      read: readConv,
    }),
    questionClaim("weights_as_input", {
      answers: ["yes", "no"],
      expects: "yes",
      needs: ["constant"],
      read: readConv,
    }),
  ],
});

function readConv(outcomes: Outcomes): Reading {
  const outcome = outcomes.get("conv");
  if (outcome?.kind === "refused" || outcome?.kind === "failed")
    return { answer: "no", why: outcome.words };
  const y = outputOf(outcomes, "conv");
  const read = matching({ first: y[0]!, second: y[W]!, last: y[C * W - 1]! }, { yes: [2, 4, 64] });
  return { ...read, answer: read.answer ?? "no" };
}
