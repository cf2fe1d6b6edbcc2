/** `pow` with an exponent that is not one constant. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { argument, atArgument, isConstant, sites } from "./walk.ts";

export const powerExponent = defineFact({
  id: "power_exponent",
  statement: "`pow` is known to work with a constant exponent; nobody shows one that is computed.",
  kind: "warn",
  ops: ["pow"],
  evidence: [
    reported(
      "jafreck/ironmill op support matrix",
      "constant exponents compared with a CPU, M3 Pro",
    ),
    reported("imperatormk/ane-train", "`pow` fails altogether, M1"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      if (isConstant(view, argument(s, "y")?.value)) continue;
      yield atArgument(s, "y", "the exponent of `pow` is computed", "not a constant");
    }
  },
  workaround: "write exp(y · log(x)) for positive x",
  emulator: "accepts it",
  examples: {
    fires: program(
      `${fp16("e", [1, 64, 1, 32])}, ${fp16("x", [1, 64, 1, 32])}`,
      line("y", [1, 64, 1, 32], "pow(x = x, y = e)"),
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], "pow(x = x, y = fp16(-0.5))"),
    ),
  },
});
