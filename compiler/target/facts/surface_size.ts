/** How many bytes a surface needs. */
import { defineFact, type Finding, reported } from "./define.ts";
import { surface, surfaceLayout } from "./run_context.ts";

export const surfaceSize = defineFact({
  id: "surface_size",
  statement:
    "A surface holds batch · channels · height rows of 64-byte multiples; a smaller one fails the call.",
  kind: "runtime",
  evidence: [
    reported(
      "jafreck/ironmill ane-attention-split-investigation",
      "five sizes with and without room, all as computed, M3 Pro",
    ),
    reported(
      "joshuaswarren/omarchy-ane receipts",
      "sizes to the byte, and all N elements of a batch count, M1 and M2",
    ),
    reported("sbryngelson/ANEForge", "allocates BatchStride · Batches"),
  ],
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const { port, shape, element, bytes } of surfaces) {
      const needed = surfaceLayout(shape, element).bytes;
      if (bytes < needed)
        yield { title: `surface \`${port}\` has ${bytes} bytes and needs ${needed}` };
    }
  },
  apple:
    "ANEProgramProcessRequestDirect() Failed with status=0x1d : statusType=0x9: Program Inference error",
  workaround: "allocate the computed size, rounded up to 16,384 bytes",
  emulator: "fails the call with status 0x1d",
  examples: {
    fires: { chip: "m3_pro", surfaces: [surface("x", "input", [1, 800, 1, 1], { bytes: 49_152 })] },
    silent: {
      chip: "m3_pro",
      surfaces: [surface("x", "input", [1, 768, 1, 1], { bytes: 49_152 })],
    },
  },
});
