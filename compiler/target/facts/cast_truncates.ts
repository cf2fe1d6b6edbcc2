/** `cast` to small integers. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, result, sites } from "./walk.ts";

const text = (op: string): string =>
  program(
    fp16("x", [1, 64, 1, 64]),
    `tensor<int8, [1, 64, 1, 64]> n = ${op}[name = string("n")];\n${line("y", [1, 64, 1, 64], 'cast(x = n, dtype = string("fp16"))')}`,
  );

export const castTruncates = defineFact({
  id: "cast_truncates",
  statement:
    "`cast` to int8 or uint8 cuts off the fraction and clamps; `quantize` and `round` go to the nearest number.",
  kind: "numerics",
  ops: ["cast"],
  evidence: [
    reported("jafreck/ironmill ane_op_eval", "towards zero, clamped to -128 and 127, M3 Pro"),
    reported("sbryngelson/ANEForge", "`round` goes half away from zero, M5 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      const element = result(s)?.element ?? "fp16";
      if (element === "int8" || element === "uint8")
        yield atOp(s, `\`cast\` to ${element} cuts off fractions`, element);
    }
  },
  workaround: "use `quantize`, or `round` first",
  emulator: "cuts off and clamps",
  examples: {
    fires: text('cast(x = x, dtype = string("int8"))'),
    silent: text('quantize(input = x, scale = fp16(0x1p-3), output_dtype = string("int8"))'),
  },
});
