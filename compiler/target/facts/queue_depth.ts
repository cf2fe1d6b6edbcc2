/** How many requests help. */
import { defineFact, type Finding, reported } from "./define.ts";

export const queueDepth = defineFact({
  id: "queue_depth",
  statement:
    "A queue takes 127 requests; the hardware runs one and prepares one, so more than two gain nothing.",
  kind: "cost",
  evidence: [
    reported("thebasedcapital/ane-infer", "127 advertised, M5"),
    reported("electricapp/ane-bridge-rs", "two useful, M5"),
    reported("751K M6 study", "two slots for each priority in the firmware"),
  ],
  *checkRun({ process }): Generator<Finding> {
    const inFlight = process?.requestsInFlight ?? 0;
    if (inFlight > 2) yield { title: `${inFlight} requests are in flight` };
  },
  workaround: "keep two requests in flight",
  emulator: "runs them in order and refuses the 128th",
  examples: {
    fires: { chip: "m5", process: { requestsInFlight: 8 } },
    silent: { chip: "m5", process: { requestsInFlight: 2 } },
  },
});
