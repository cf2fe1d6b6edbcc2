/** Functions that are tables swallow NaN. */
import { TABLES } from "../../mil/numerics/tables.ts";
import { defineFact, type Finding, reported } from "./define.ts";

export const nanInTables = defineFact({
  id: "nan_in_tables",
  statement:
    "Functions read from tables turn NaN and infinities into the ends of the table: log(inf) = 0, cos(inf) = 0.",
  kind: "silent_wrong",
  ops: Object.keys(TABLES),
  evidence: [
    reported("sbryngelson/ANEForge docs/developer/numerics.md", "M1 to M5"),
    reported(
      "joshuaswarren/mil-hwx-compiler",
      "the tables carry two clamps, the same on M1, M2 and M4",
    ),
  ],
  *checkRun({ numbers }): Generator<Finding> {
    const odd =
      numbers?.unit === "table"
        ? numbers.operands.flat().find((v) => !Number.isFinite(v))
        : undefined;
    if (odd !== undefined) yield { title: `\`${numbers!.op}\` of ${odd} is a finite number` };
  },
  workaround: "look for infinities before the function",
  emulator: "clamps the same way",
  examples: {
    fires: { chip: "m3", numbers: { unit: "table", op: "sigmoid", operands: [[Number.NaN, 1]] } },
    silent: { chip: "m3", numbers: { unit: "table", op: "sigmoid", operands: [[0, 1]] } },
  },
});
