/** Surfaces of M5 in multiples of 128 bytes. */
import { defineFact, type Finding, reported } from "./define.ts";
import { surface } from "./run_context.ts";

export const surfaceAlignment = defineFact({
  id: "surface_alignment",
  statement: "On M5 the size of a surface is a multiple of 128 bytes.",
  kind: "warn",
  chips: ["m5"],
  evidence: [reported("maderix/ANE pull 35", "M5, macOS 26.3")],
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const { port, bytes } of surfaces) {
      if (bytes % 128 !== 0)
        yield { title: `surface \`${port}\` has ${bytes} bytes, no multiple of 128` };
    }
  },
  workaround: "round sizes up to 16,384 bytes, which covers it",
  emulator: "accepts any size that holds the data",
  examples: {
    fires: { chip: "m5", surfaces: [surface("x", "input", [1, 257, 1, 32], { bytes: 16_448 })] },
    silent: { chip: "m5", surfaces: [surface("x", "input", [1, 257, 1, 32])] },
  },
});
