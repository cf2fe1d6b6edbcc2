/** Activations are tables of 33 points. */
import { defineFact, type Finding, reported } from "./define.ts";

/** The largest absolute error of each function: 520,000 points, M6. */
const ERRORS: Readonly<Record<string, number>> = {
  sigmoid: 3.4e-3,
  tanh: 1.6e-3,
  gelu: 6.2e-3,
  silu: 1.5e-2,
  erf: 8.6e-4,
  sin: 6.3e-4,
};
const NEAR_ZERO = 0.5;

export const tableFunctions = defineFact({
  id: "table_functions",
  statement:
    "Activations are 33 points with straight lines between them. `silu` is not x·sigmoid(x) but a table fitted to it, off by up to 0.015, " +
    "and `gelu(0)` is -0.00075.",
  kind: "numerics",
  ops: Object.keys(ERRORS),
  evidence: [
    reported(
      "751K M6 study notes/numerics.md",
      "the points, and errors on 520,000 inputs, M4 and M6",
    ),
    reported("sbryngelson/ANEForge docs/developer/numerics.md", "errors of the same size, M5 Pro"),
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "the same tables on M1, M2 and M4; EXACT and TANH_APPROXIMATION are one",
    ),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    if (numbers?.unit !== "table" || !["silu", "gelu"].includes(numbers.op)) return;
    const near = numbers.operands.flat().filter((v) => Math.abs(v) < NEAR_ZERO);
    if (near.length > 0)
      yield { title: `\`${numbers.op}\` near 0 is off by up to ${ERRORS[numbers.op]}` };
  },
  workaround:
    "write silu as x · sigmoid(x), whose table has exact points, where a gradient is taken",
  emulator: "reads the same tables",
  examples: {
    fires: { chip: "m4", numbers: { unit: "table", op: "silu", operands: [[0.25, 3]] } },
    silent: { chip: "m4", numbers: { unit: "table", op: "sigmoid", operands: [[0.25, 3]] } },
  },
});
