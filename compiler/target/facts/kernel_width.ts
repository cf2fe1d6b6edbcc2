/** How wide the kernel of a convolution may be. */
import { familyOf } from "../chip_names.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atArgument, operand, sites } from "./walk.ts";

export const kernelWidth = defineFact({
  id: "kernel_width",
  statement:
    "The kernel of a `conv` is at most 13 wide on M1 to M3 and 15 wide from M4 on; its height may be larger.",
  kind: "reject",
  ops: ["conv"],
  evidence: [
    reported("sbryngelson/ANEForge op catalog", "13 for the A13 to A15 class, 15 for A16"),
    reported("electricapp/ane-bridge-rs", "16 and more give CompilationFailure, M5"),
    reported(
      "751K M6 study, dispatch notes",
      "1×15 and 31×1 pass, M4, macOS 27; a 16×16 takes four minutes to compile",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    const limit = ["m4", "m5"].includes(familyOf(c.chip)) ? 15 : 13;
    for (const site of sites(c, ...ops)) {
      const width = operand(site, "weight")?.shape[3] ?? 1;
      if (width > limit)
        yield atArgument(
          site.s,
          "weight",
          `the kernel is ${width} wide, and ${c.chip} takes ${limit}`,
          `${width} wide`,
        );
    }
  },
  apple: "ANECCompile() FAILED: err=(CompilationFailure)",
  workaround:
    "turn the wide axis into the height, or cut the kernel into parts and add their results",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      fp16("x", [1, 8, 1, 48]),
      `${weight("w", [8, 8, 1, 17])}\n${line("y", [1, 8, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
    ),
    silent: program(
      fp16("x", [1, 8, 1, 34]),
      `${weight("w", [8, 8, 1, 3])}\n${line("y", [1, 8, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
    ),
  },
});
