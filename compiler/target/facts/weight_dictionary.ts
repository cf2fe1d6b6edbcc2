/** Programs without weights still have a dictionary of them. */
import { against, defineFact, type Finding, reported } from "./define.ts";

export const weightDictionary = defineFact({
  id: "weight_dictionary",
  statement:
    "A program without weights is given an empty dictionary; with nil the descriptor is nil or the process ends.",
  kind: "runtime",
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "M4 Max, macOS 15"),
    reported("imperatormk/ane-train", "a nil descriptor, M1"),
    against("thebasedcapital/ane-infer", "passes nil and works, M5"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.weights === "nil") yield { title: "the dictionary of weights is nil" };
  },
  workaround: "always pass a dictionary",
  emulator: "refuses nil",
  examples: {
    fires: { chip: "m1", handover: { weights: "nil" } },
    silent: { chip: "m1", handover: { weights: "dictionary" } },
  },
});
