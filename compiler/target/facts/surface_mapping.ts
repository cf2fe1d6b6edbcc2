/** Mapping surfaces before a request. */
import { defineFact, type Finding, reported } from "./define.ts";

export const surfaceMapping = defineFact({
  id: "surface_mapping",
  statement:
    "Mapping surfaces for a request ahead of it fails for programs made from MIL; the request maps them itself.",
  kind: "runtime",
  evidence: [
    reported("thebasedcapital/ane-infer", "0x12, M5"),
    reported("AmiraniLabs/libane", "0x13, M3 Pro"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.mapsSurfaces === true)
      yield { title: "surfaces are mapped ahead of the request" };
  },
  apple: "Program IOSurfaces map failure",
  workaround: "leave the mapping out",
  emulator: "fails with 0x13",
  examples: {
    fires: { chip: "m5", handover: { mapsSurfaces: true } },
    silent: { chip: "m5", handover: { mapsSurfaces: false } },
  },
});
