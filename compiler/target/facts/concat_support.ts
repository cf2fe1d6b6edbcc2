/** Whether `concat` compiles. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const concatSupport = defineFact({
  id: "concat_support",
  statement: "`concat` is refused.",
  kind: "reject",
  ops: ["concat"],
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "every form tried, M4 Max, macOS 15"),
    against("maderix/ANE", "two to six values on both axes, M4"),
    against("christopherkarani/Espresso", "twelve values, M3 Max"),
    against("jafreck/ironmill op support matrix", "compared with a CPU, M3 Pro"),
    against("751K M6 study, dispatch notes", "in Apple's supported set, M4, macOS 27"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops))
      yield atOp(s, "one project reports that `concat` is refused", "concat");
  },
  apple: "ANECCompile() FAILED: err=()",
  workaround: "none is needed as far as most can tell; else return the parts as outputs",
  emulator: "accepts it",
  examples: {
    fires: program(
      `${fp16("a", [1, 8, 1, 32])}, ${fp16("b", [1, 8, 1, 32])}`,
      line(
        "y",
        [1, 16, 1, 32],
        "concat(values = (a, b), axis = int32(1), interleave = bool(false))",
      ),
    ),
    silent: program(
      `${fp16("a", [1, 8, 1, 32])}, ${fp16("b", [1, 8, 1, 32])}`,
      line("y", [1, 8, 1, 32], "add(x = a, y = b)"),
    ),
  },
});
