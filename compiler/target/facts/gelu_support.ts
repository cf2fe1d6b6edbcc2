/** Whether the direct path takes `gelu` at all. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const geluSupport = defineFact({
  id: "gelu_support",
  statement: "`gelu` is refused by the in-memory path.",
  kind: "reject",
  ops: ["gelu"],
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "not valid, M4 Max, macOS 15"),
    reported("imperatormk/ane-train", "refused, M1"),
    against("751K M6 study, dispatch notes", "in Apple's supported set, M4, macOS 27"),
    against(
      "joshuaswarren/mil-hwx-compiler",
      "Apple's compiler takes it with a mode and it runs, M4",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, "`gelu` may be refused", "gelu");
  },
  workaround: "if it is refused, write 0.5·x·(1 + erf(x/√2)) with `erf`",
  emulator: "accepts it when it has a mode",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], 'gelu(x = x, mode = string("EXACT"))'),
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "erf(x = x)")),
  },
});
