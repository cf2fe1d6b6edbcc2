/** One program runs at a time. */
import { defineFact, type Finding, reported } from "./define.ts";

export const singleLane = defineFact({
  id: "single_lane",
  statement:
    "The engine runs one program after the other; submitting from several threads adds nothing.",
  kind: "cost",
  evidence: [
    reported("sbryngelson/ANEForge", "no gain from threads, M5 Pro"),
    reported("AmiraniLabs/libane", "the same, M3"),
    reported("751K M6 study", "two requests save 16 % on M4; parts of a program are serial"),
  ],
  *checkRun({ process }): Generator<Finding> {
    const threads = process?.threads ?? 1;
    if (threads > 1) yield { title: `${threads} threads submit to the engine` };
  },
  workaround: "submit from one thread, and let the others prepare data",
  emulator: "takes one request at a time",
  examples: {
    fires: { chip: "m4", process: { threads: 4 } },
    silent: { chip: "m4", process: { threads: 1 } },
  },
});
