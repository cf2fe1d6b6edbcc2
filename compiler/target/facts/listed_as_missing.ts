/** Ops that some list as missing. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

const LISTED = ["reduce_mean", "silu", "rsqrt", "exp", "sqrt"];

export const listedAsMissing = defineFact({
  id: "listed_as_missing",
  statement: "The engine has no `reduce_mean`, `silu`, `rsqrt`, `exp` or `sqrt`.",
  kind: "reject",
  ops: LISTED,
  evidence: [
    reported(
      "christopherkarani/Espresso",
      "`reduce_mean` does not exist and `rsqrt` is broken, M3 Max; tried without epsilon",
    ),
    reported("mechramc/Orion", "no silu and no rsqrt, M4 Max, macOS 15"),
    reported(
      "electricapp/ane-bridge-rs",
      "no exp, no sqrt, and `reduce_mean` fails when it runs, M5",
    ),
    against("751K M6 study, dispatch notes", "all in Apple's supported set, M4, macOS 27"),
    against("jafreck/ironmill op support matrix", "all compared with a CPU, M3 Pro"),
    against("joshuarossi/mlx-bun", "`silu` in production, M4 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, `some list \`${s.op}\` as missing`, s.op);
  },
  workaround: "none is needed as far as most can tell; give `rsqrt` its epsilon",
  emulator: "accepts them",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "silu(x = x)")),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
