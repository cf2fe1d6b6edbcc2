/** MIL text is handed over as bytes. */
import { defineFact, type Finding, reported } from "./define.ts";

export const textClass = defineFact({
  id: "text_class",
  statement: "The text of a program is an NSData of UTF-8; an NSString ends the process.",
  kind: "runtime",
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "M4 Max"),
    reported("maderix/ANE", "passes NSData, M1 to M5"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.textClass === "NSString")
      yield { title: "the program is handed over as NSString" };
  },
  workaround: "make an NSData of the text",
  emulator: "refuses anything but NSData",
  examples: {
    fires: { chip: "m4_max", handover: { textClass: "NSString" } },
    silent: { chip: "m4_max", handover: { textClass: "NSData" } },
  },
});
