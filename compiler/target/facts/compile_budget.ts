/** How many programs a process may compile. */
import { against, defineFact, type Finding, reported } from "./define.ts";

export const compileBudget = defineFact({
  id: "compile_budget",
  statement:
    "Before macOS 26 a process can compile about 119 programs; then compiles fail, or the process ends.",
  kind: "runtime",
  os: { before: "26.0" },
  evidence: [
    reported("mechramc/Orion docs/ane_constraints.md", "about 119, M4 Max, macOS 15"),
    reported("maderix/ANE issue 54", "a leak of 0.5 to 2 MB for each compile"),
    reported("AmiraniLabs/libane", "115 to 119, then a crash, M3"),
    reported(
      "skyfallsin field guide",
      "no longer on macOS 26.3: 226 compiled and kept loaded, M3 Max",
    ),
    reported("maderix/ANE issue 24", "no longer on macOS 26.2: 312"),
    against("maderix/ANE pull 26", "169 when it starts, M4 Pro, system not stated"),
  ],
  *checkRun({ process }): Generator<Finding> {
    const compiles = process?.compiles ?? 0;
    if (compiles > 100) yield { title: `this process has compiled ${compiles} programs` };
  },
  workaround:
    "pass weights as inputs, so that programs compile once; start a new process before a hundred compiles",
  emulator: "fails the 120th compile for macOS before 26",
  examples: {
    fires: { chip: "m4_max", os: "15.3", process: { compiles: 119 } },
    silent: { chip: "m4_max", os: "15.3", process: { compiles: 40 } },
  },
});
