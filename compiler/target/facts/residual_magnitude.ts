/** Large residual streams are coarse. */
import { defineFact, type Finding, reported } from "./define.ts";

export const residualMagnitude = defineFact({
  id: "residual_magnitude",
  statement:
    "Residual streams are kept in fp16: values of 1,024 and more are right to half a unit and worse.",
  kind: "numerics",
  ops: ["add"],
  evidence: [
    reported(
      "christopherkarani/Espresso docs/qwen-parity.md",
      "values of 1,700 off by 0.5 to 1, logits of 24 layers by up to 0.96, M3 Max",
    ),
    reported("maderix/h3.c-ane", "scales the stream by powers of two, M4"),
  ],
  *checkRun({ numbers }, ops): Generator<Finding> {
    if (numbers?.unit !== "elementwise" || !ops.includes(numbers.op)) return;
    const most = Math.max(...numbers.operands.flat().map(Math.abs));
    if (most >= 1_024)
      yield {
        title: `a sum with values up to ${most} is right to ${2 ** (Math.floor(Math.log2(most)) - 11)}`,
      };
  },
  workaround: "scale the stream by a power of two, or keep it in fp32 on the host",
  emulator: "rounds every sum to fp16",
  examples: {
    fires: {
      chip: "m3_max",
      numbers: { unit: "elementwise", op: "add", operands: [[1_700], [0.3]] },
    },
    silent: {
      chip: "m3_max",
      numbers: { unit: "elementwise", op: "add", operands: [[17], [0.3]] },
    },
  },
});
