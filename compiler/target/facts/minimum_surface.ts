/** Whether small surfaces fail. */
import { against, assumed, defineFact, type Finding, reported } from "./define.ts";
import { surface } from "./run_context.ts";

export const minimumSurface = defineFact({
  id: "minimum_surface",
  statement: "A surface needs at least 49,152 bytes.",
  kind: "runtime",
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "about 49 KB, M4 Max, macOS 15"),
    against("joshuaswarren/omarchy-ane receipts", "surfaces of 16 KiB run, M1 and M2"),
    against("maderix/h3.c-ane", "16 KiB, M4"),
    {
      ...assumed(
        "fact row_stride",
        "768 rows of 64 bytes are 49,152: its case needs them for another reason",
      ),
      says: "refuted",
    },
  ],
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const { port, bytes } of surfaces) {
      if (bytes < 49_152)
        yield { title: `surface \`${port}\` has ${bytes} bytes, less than one project needed` };
    }
  },
  workaround: "none is needed when sizes follow surface_size",
  emulator: "accepts any size that holds the data",
  examples: {
    fires: { chip: "m4_max", surfaces: [surface("x", "input", [1, 64, 1, 32])] },
    silent: { chip: "m4_max", surfaces: [surface("x", "input", [1, 1024, 1, 32])] },
  },
});
