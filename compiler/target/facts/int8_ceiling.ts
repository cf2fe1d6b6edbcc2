/** How large unpacked int8 values may be. */
import { defineFact, type Finding, reported } from "./define.ts";

export const int8Ceiling = defineFact({
  id: "int8_ceiling",
  statement:
    "Values that are unpacked from int8 constants and read as activations become infinities beyond 4,094.",
  kind: "numerics",
  ops: ["constexpr_affine_dequantize"],
  chips: ["m1", "m2", "m5"],
  evidence: [reported("sbryngelson/ANEForge numeric cliffs", "M1 Max, M2 Pro and M5 Pro")],
  *checkRun({ numbers }, ops): Generator<Finding> {
    if (numbers === undefined || !ops.includes(numbers.op)) return;
    const most = Math.max(...numbers.operands[0]!.map(Math.abs));
    if (most > 4_094) yield { title: `an unpacked value of ${most} becomes an infinity` };
  },
  workaround: "choose scales that keep values below 4,094",
  emulator:
    "makes infinities of them, unless told `int8-ceiling=off`; products read them as weights",
  examples: {
    fires: {
      chip: "m1_max",
      numbers: { unit: "int8", op: "constexpr_affine_dequantize", operands: [[127 * 64]] },
    },
    silent: {
      chip: "m1_max",
      numbers: { unit: "int8", op: "constexpr_affine_dequantize", operands: [[127 * 16]] },
    },
  },
});
