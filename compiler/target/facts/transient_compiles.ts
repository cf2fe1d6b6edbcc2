/** A compile that fails may pass the next time. */
import { defineFact, type Finding, reported } from "./define.ts";

export const transientCompiles = defineFact({
  id: "transient_compiles",
  statement: "Compiles and loads fail now and then without a reason and succeed when tried again.",
  kind: "runtime",
  evidence: [
    reported(
      "christopherkarani/Espresso ANECompileRetryPolicy.swift",
      "up to five tries, 100 ms to 1 s apart, M3 Max",
    ),
    reported("maderix/ANE bridge/ane_bridge.m", "loads once again after 100 ms"),
  ],
  *checkRun({ process }): Generator<Finding> {
    if (process?.tries === 1) yield { title: "a compile is given one try" };
  },
  workaround: "try again up to five times, with pauses from 100 ms to 1 s",
  emulator: "fails the compiles that `transient-compile` and `transient-load` name",
  examples: {
    fires: { chip: "m3_max", process: { tries: 1 } },
    silent: { chip: "m3_max", process: { tries: 5 } },
  },
});
