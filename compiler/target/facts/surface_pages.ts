/** The unit in which surfaces are allocated. */
import { defineFact, type Finding, reported } from "./define.ts";
import { surface } from "./run_context.ts";

export const surfacePages = defineFact({
  id: "surface_pages",
  statement:
    "Surfaces are whole pages of 16,384 bytes; smaller ones can fail although the data fits.",
  kind: "warn",
  evidence: [
    reported("joshuaswarren/omarchy-ane", "tiles of 16 KiB in the program's own header, M1 and M2"),
    reported("jafreck/ironmill docs/design/ane", "status 0x1d for very small surfaces, M3 Pro"),
    reported("maderix/h3.c-ane", "rounds to 16 KiB, M4"),
  ],
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const { port, bytes } of surfaces) {
      if (bytes < 16_384)
        yield { title: `surface \`${port}\` has ${bytes} bytes, less than a page` };
    }
  },
  workaround: "round every size up to 16,384 bytes",
  emulator: "accepts any size that holds the data",
  examples: {
    fires: { chip: "m2", surfaces: [surface("x", "input", [1, 4, 1, 32], { bytes: 256 })] },
    silent: { chip: "m2", surfaces: [surface("x", "input", [1, 4, 1, 32])] },
  },
});
