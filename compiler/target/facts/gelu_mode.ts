/** `gelu` needs its mode. */
import { stringValue } from "../../mil/tree.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { mapFunctions, withArgument } from "./rewrite.ts";
import { argument, atOp, sites } from "./walk.ts";

export const geluMode = defineFact({
  id: "gelu_mode",
  statement: "`gelu` is refused without its `mode`.",
  kind: "reject",
  ops: ["gelu"],
  evidence: [
    reported("joshuaswarren/mil-hwx-compiler", "Apple's compiler takes it with a mode, M1 and M2"),
    reported("sbryngelson/ANEForge op catalog", "the mode is required, M1 to M5"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      if (argument(s, "mode") === undefined) yield atOp(s, "`gelu` has no `mode`", "gelu");
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround:
    'pass `mode = string("EXACT")`; the engine computes TANH_APPROXIMATION with the same table',
  fix: (c) =>
    mapFunctions(c, ({ f }) => {
      if (!f.body.some((s) => s.op === "gelu" && argument(s, "mode") === undefined)) return f;
      const body = f.body.map((s) =>
        s.op === "gelu" && argument(s, "mode") === undefined
          ? withArgument(s, "mode", stringValue("EXACT"))
          : s,
      );
      return { ...f, body };
    }),
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "gelu(x = x)")),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], 'gelu(x = x, mode = string("EXACT"))'),
    ),
  },
});
