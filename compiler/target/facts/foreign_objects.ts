/** Programs compiled somewhere else. */
import { defineFact, type Finding, reported } from "./define.ts";

export const foreignObjects = defineFact({
  id: "foreign_objects",
  statement:
    "A Mac loads only objects that its own service compiled; others are refused as not permitted.",
  kind: "runtime",
  evidence: [
    reported("sbryngelson/ANEForge", "0xe00002e2 for unsigned objects"),
    reported("joshuaswarren/mil-hwx-compiler", "worked with root on macOS 26.3, and not on 26.6"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.objectFrom === "elsewhere")
      yield { title: "the object to load was not compiled on this Mac" };
  },
  apple: "0xe00002e2 (kIOReturnNotPermitted)",
  workaround: "ship MIL and compile it where it runs; on Linux, objects of any compiler load",
  emulator: "loads what it compiled itself",
  examples: {
    fires: { chip: "m4", handover: { objectFrom: "elsewhere" } },
    silent: { chip: "m4", handover: { objectFrom: "this_mac" } },
  },
});
