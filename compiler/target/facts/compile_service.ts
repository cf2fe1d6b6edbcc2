/** The service behind all compiles. */
import { defineFact, type Finding, reported } from "./define.ts";

export const compileService = defineFact({
  id: "compile_service",
  statement: "When the compile service dies, every later load on the machine waits without end.",
  kind: "runtime",
  evidence: [
    reported("751K M6 study", "until aned is restarted, M6, macOS 27"),
    reported(
      "sbryngelson/ANEForge issue 149",
      "compiles after a failed one are slowed down, M2 Pro",
    ),
  ],
  *checkRun({ process }): Generator<Finding> {
    if (process?.waitsForever === true)
      yield { title: "the host waits for a compile without a limit" };
  },
  apple: "Couldn't communicate with a helper application",
  workaround: "give every compile a time limit, and say `sudo killall aned` when it passes",
  emulator: "never hangs",
  examples: {
    fires: { chip: "m4", process: { waitsForever: true } },
    silent: { chip: "m4", process: { waitsForever: false } },
  },
});
