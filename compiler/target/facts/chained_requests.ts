/** Chaining requests on the engine. */
import { defineFact, type Finding, reported } from "./define.ts";

export const chainedRequests = defineFact({
  id: "chained_requests",
  statement: "Chained requests cannot be prepared for programs made from MIL.",
  kind: "runtime",
  evidence: [
    reported("maderix/ANE pull 40", "Code=15, M4 Max, macOS 15"),
    reported("thebasedcapital/ane-infer", "prepares and then fails, M5, macOS 26.3"),
    reported("christopherkarani/Espresso", "can hang, so it is tried in a process of its own"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    if (handover?.chains === true) yield { title: "requests are chained" };
  },
  apple: "Code=15 ANEProgramChainingPrepare() Failed",
  workaround: "put the steps into one program",
  emulator: "fails with Code=15",
  examples: {
    fires: { chip: "m4", handover: { chains: true } },
    silent: { chip: "m4", handover: { chains: false } },
  },
});
