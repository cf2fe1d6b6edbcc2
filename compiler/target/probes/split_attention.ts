/** `split`, `matmul` and `softmax` together, beside programs without one of them. */
import { attentionOnM1 } from "../facts/attention_on_m1.ts";
import { splitAttention as fact } from "../facts/split_attention.ts";
import { refusalProbe } from "./refusal.ts";
import { compileExample } from "./steps.ts";

export const splitAttention = refusalProbe("split_attention", {
  asks: "Is a program refused that has `split`, `matmul` and `softmax`?",
  notEmulated: true,
  controls: () => [
    compileExample("control", fact.examples.silent),
    compileExample("product and softmax", attentionOnM1.examples.fires),
  ],
});
