/** Logic. */
import { line } from "../facts/examples.ts";
import { opTrials, refusalProbe } from "./refusal.ts";

const bools = (name: string, call: string): string =>
  `tensor<bool, [1, 64, 1, 32]> ${name} = ${call};`;

const body = (op: string): string =>
  [
    bools("p", "greater(x = x, y = fp16(0))"),
    bools("q", "less(x = x, y = fp16(1))"),
    bools("t", `${op}(x = p, y = q)`),
    line("y", [1, 64, 1, 32], "select(cond = t, a = x, b = fp16(0))"),
  ].join("\n");

export const logicalOps = refusalProbe("logical_ops", {
  asks: "Are `logical_and`, `logical_or` and `logical_xor` refused?",
  weSay: "holds",
  trials: () =>
    opTrials(
      Object.fromEntries(["logical_and", "logical_or", "logical_xor"].map((op) => [op, body(op)])),
    ),
});
