/** Whether all surfaces of a request have one size. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { surface } from "./run_context.ts";

const pair = (width: number) => [
  surface("a", "input", [1, 512, 1, 32]),
  surface("b", "input", [1, 512, 1, width]),
];

export const equalSurfaces = defineFact({
  id: "equal_surfaces",
  statement: "All inputs of a request, and all outputs, need surfaces of one size.",
  kind: "runtime",
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "status 0x1d otherwise, M4 Max, macOS 15"),
    against("joshuarossi/mlx-bun", "inputs of three sizes in production, M4 Pro"),
    against("joshuaswarren/omarchy-ane", "three sizes in one request, M1 and M2"),
    against("christopherkarani/Espresso FusedTwoLayerDecodeGenerator.swift", "three sizes, M3 Max"),
  ],
  *checkRun({ surfaces = [] }): Generator<Finding> {
    for (const role of ["input", "output"] as const) {
      const sizes = new Set(surfaces.filter((s) => s.role === role).map((s) => s.bytes));
      if (sizes.size > 1)
        yield { title: `${role} surfaces have the sizes ${[...sizes].join(", ")}` };
    }
  },
  apple:
    "ANEProgramProcessRequestDirect() Failed with status=0x1d : statusType=0x9: Program Inference error",
  workaround: "none is needed when surfaces are bound by sorted name and sized by surface_size",
  emulator: "accepts different sizes",
  examples: {
    fires: { chip: "m4", surfaces: pair(64) },
    silent: { chip: "m4", surfaces: pair(32) },
  },
});
