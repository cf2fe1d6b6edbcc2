/** The engine slows down between calls. */
import { defineFact, type Finding, reported } from "./define.ts";

export const engineClock = defineFact({
  id: "engine_clock",
  statement:
    "After 400 µs without work the engine's clock falls, and the next calls take 2.5 to 2.9 times as long.",
  kind: "cost",
  evidence: [
    reported(
      "751K M6 study",
      "gaps up to 100 µs keep full speed, M6; after 5.7 s the power is off and a call waits 50 ms",
    ),
    reported("ane-guide", "the first call after power-off waits 260 ms, M1"),
  ],
  *checkRun({ dispatch }): Generator<Finding> {
    const idle = dispatch?.idleMicroseconds ?? 0;
    if (idle >= 400) yield { title: `the engine was idle for ${idle} µs before this call` };
  },
  workaround: "submit the next call while one runs, and warm up before measuring",
  emulator: "has one speed",
  examples: {
    fires: { chip: "m4", dispatch: { idleMicroseconds: 2000 } },
    silent: { chip: "m4", dispatch: { idleMicroseconds: 80 } },
  },
});
