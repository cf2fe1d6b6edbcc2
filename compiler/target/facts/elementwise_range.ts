/** Elementwise ops use all of fp16. */
import { defineFact, type Finding, reported } from "./define.ts";

export const elementwiseRange = defineFact({
  id: "elementwise_range",
  statement:
    "Elementwise results beyond 65,504 are infinities; up to there they are finite, unlike sums of products.",
  kind: "numerics",
  ops: ["add", "mul"],
  evidence: [
    reported(
      "751K M6 study notes/numerics.md",
      "40000 + 1 is 40,000 and 256 · 256 an infinity, M4 and M6",
    ),
    reported("mechramc/Orion", "clamps activations to 65,504 in training, M4 Max"),
  ],
  *checkRun({ numbers }, ops): Generator<Finding> {
    if (numbers?.unit !== "elementwise" || !ops.includes(numbers.op)) return;
    const [x = [], y = []] = numbers.operands;
    const out = x.map((a, i) => (numbers.op === "add" ? a + (y[i] ?? 0) : a * (y[i] ?? 1)));
    if (out.some((v) => Math.abs(v) >= 65_520))
      yield { title: `a result of \`${numbers.op}\` passes 65,504` };
  },
  workaround: "scale by a power of two before",
  emulator: "gives an infinity",
  examples: {
    fires: { chip: "m4", numbers: { unit: "elementwise", op: "mul", operands: [[256], [256]] } },
    silent: { chip: "m4", numbers: { unit: "elementwise", op: "add", operands: [[40_000], [1]] } },
  },
});
