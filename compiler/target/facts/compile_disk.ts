/** What compiling leaves on the disk. */
import { defineFact, type Finding, reported } from "./define.ts";

const EACH = 260e6;

export const compileDisk = defineFact({
  id: "compile_disk",
  statement:
    "The compile service keeps about 260 MB for each program until the process ends, and a cache of every compiled model.",
  kind: "runtime",
  evidence: [
    reported(
      "ddalcu/mlx-serve",
      "free disk space is the compile budget; a full disk gives the usual error, M4 Max",
    ),
    reported("maderix/h3.c-ane", "58 GB of cache in a day, M4"),
  ],
  *checkRun({ process }): Generator<Finding> {
    const { freeDiskBytes, programs = 0 } = process ?? {};
    if (freeDiskBytes === undefined || freeDiskBytes >= programs * EACH) return;
    yield {
      title: `${programs} programs may need ${Math.round((programs * EACH) / 1e9)} GB of disk, and ${Math.round(freeDiskBytes / 1e9)} GB are free`,
    };
  },
  apple: "_ANECompiler : ANECCompile() FAILED",
  workaround: "leave disk space, unload programs, and end processes that compiled many",
  emulator: "keeps nothing",
  examples: {
    fires: { chip: "m4_max", process: { freeDiskBytes: 4e9, programs: 60 } },
    silent: { chip: "m4_max", process: { freeDiskBytes: 90e9, programs: 60 } },
  },
});
