/** Attention as one op, with a mask that leaves one position to each query. */
import { defineProbe, factClaim, questionClaim } from "./define.ts";
import { filled, type GivenInput, outputOf, reading, run } from "./steps.ts";

const [S, D] = [32, 32];
const head = (name: string, of: (index: number) => number): GivenInput => ({
  name,
  shape: [1, 1, S, D],
  values: filled(S * D, of),
});
const inputs = [
  head("k", () => 0),
  { name: "mask", shape: [1, 1, S, S], values: filled(S * S, (i) => (i % S === 0 ? 0 : -40000)) },
  head("q", () => 0),
  head("v", (i) => Math.floor(i / D)), // position s holds s
];

export const attentionMask = defineProbe({
  name: "attention_mask",
  asks: "Does the attention op look at its mask?",
  steps: () => [
    run("attention", inputs, (b) =>
      b.op("scaled_dot_product_attention", {
        query: b.input("q"),
        key: b.input("k"),
        value: b.input("v"),
        attn_mask: b.input("mask"),
      }),
    ),
  ],
  claims: [
    factClaim("attention_mask", {
      holds: "ignored",
      otherwise: "used",
      weSay: "holds",
      needs: ["attention"],
      read: readMask,
    }),
    questionClaim("masked_attention", {
      answers: ["ignored", "used"],
      expects: "ignored",
      needs: ["attention"],
      read: readMask,
    }),
  ],
});

/** Masked, every query reads position 0, whose value is 0; otherwise the mean of all, 15.5. */
function readMask(outcomes: Parameters<typeof outputOf>[0]) {
  const y = outputOf(outcomes, "attention")[0]!;
  const answer = Math.abs(y) < 0.1 ? "used" : Math.abs(y - 15.5) < 0.5 ? "ignored" : undefined;
  return reading(answer, { y });
}
