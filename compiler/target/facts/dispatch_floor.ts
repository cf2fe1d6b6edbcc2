/** Every call has a price. */
import { defineFact, type Finding, reported } from "./define.ts";

export const dispatchFloor = defineFact({
  id: "dispatch_floor",
  statement:
    "A call takes 60 to 230 µs however little it computes; work inside a program is 15 to 400 times cheaper to start.",
  kind: "cost",
  evidence: [
    reported("mechramc/Orion", "95 µs, M4 Max"),
    reported("sbryngelson/ANEForge", "70 to 110 µs, M5 Pro"),
    reported(
      "joshuaswarren/omarchy-ane",
      "40 µs under Linux, M1 Max; at most 2.8 µs for each further task",
    ),
    reported(
      "maderix/ANE issue 24",
      "about 160 µs; one large program instead of many is 3 to 4 times as fast",
    ),
  ],
  *checkRun({ dispatch }): Generator<Finding> {
    const calls = dispatch?.callsPerStep ?? 0;
    if (calls > 100) yield { title: `one step makes ${calls} calls` };
  },
  workaround: "join programs (`--fusion layer`)",
  emulator: "counts the time",
  examples: {
    fires: { chip: "m4_max", dispatch: { callsPerStep: 216 } },
    silent: { chip: "m4_max", dispatch: { callsPerStep: 24 } },
  },
});
