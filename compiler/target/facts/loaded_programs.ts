/** How many programs a process may hold. */
import { against, defineFact, type Finding, reported } from "./define.ts";

export const loadedPrograms = defineFact({
  id: "loaded_programs",
  statement: "A process holds about 121 to 128 loaded programs; the next load fails.",
  kind: "runtime",
  evidence: [
    reported("sbryngelson/ANEForge", "the 129th load fails through e5rt, M5 Pro"),
    reported("ddalcu/mlx-serve", "about 121 handles, M4 Max"),
    reported("jafreck/ironmill ane-program-compilation-limit", "55 larger ones, M3 Pro"),
    against("skyfallsin field guide", "226 loaded at once, M3 Max, macOS 26.3"),
  ],
  *checkRun({ process }): Generator<Finding> {
    const loaded = process?.loadedPrograms ?? 0;
    if (loaded > 120) yield { title: `${loaded} programs are loaded` };
  },
  workaround: "unload what is used least, or put several functions into one program",
  emulator: "fails the 129th load",
  examples: {
    fires: { chip: "m5_pro", process: { loadedPrograms: 128 } },
    silent: { chip: "m5_pro", process: { loadedPrograms: 32 } },
  },
});
