/** Whether narrow rows are read packed. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { surface, surfaceLayout } from "./run_context.ts";

export const packedReads = defineFact({
  id: "packed_reads",
  statement:
    "The engine reads the first channels times width elements of a surface packed, however large the surface is.",
  kind: "silent_wrong",
  evidence: [
    reported(
      "mechramc/Orion docs/ane_constraints.md",
      "fp16 rows of 16, M4 Max, macOS 15; its test looks whether outputs change, not what they are",
    ),
    against(
      "joshuaswarren/omarchy-ane receipts",
      "rows at 64 bytes, compared byte by byte, M1 and M2",
    ),
    against("jafreck/ironmill docs/design/ane", "the compiled program says RowStride 64, M3 Pro"),
    against("maderix/h3.c-ane", "narrow rows are read at the wrong stride when packed, M4"),
  ],
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const { port, shape, element } of surfaces) {
      const { rowBytes, packedRowBytes } = surfaceLayout(shape, element);
      if (rowBytes !== packedRowBytes)
        yield {
          title: `packed and strided rows of \`${port}\` differ, and one project reports packed ones`,
        };
    }
  },
  workaround: "make rows a multiple of 64 bytes: then packed and strided are the same",
  emulator: "reads at the 64-byte stride",
  examples: {
    fires: { chip: "m4_max", os: "15.3", surfaces: [surface("x", "input", [1, 768, 1, 16])] },
    silent: { chip: "m4_max", os: "15.3", surfaces: [surface("x", "input", [1, 768, 1, 32])] },
  },
});
