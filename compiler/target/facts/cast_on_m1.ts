/** `cast` on the first two generations. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { atOp, sites } from "./walk.ts";

export const castOnM1 = defineFact({
  id: "cast_on_m1",
  statement: "`cast` is refused on M1 and M2.",
  kind: "reject",
  ops: ["cast"],
  chips: ["m1", "m2"],
  evidence: [
    reported("maderix/ANE pull 6", "not supported, M1 Pro, macOS 26.3"),
    reported(
      "christopherkarani/Espresso issue 18",
      "programs with an fp32 cast fail and small ones pass, M1 Ultra, macOS 26",
    ),
    against("vatsal191201/AutoANE docs/FINDINGS.md", "runs such programs, M2 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops))
      yield atOp(s, `\`cast\` may be refused on ${c.chip}`, "cast");
  },
  workaround: "use fp16 inputs and outputs, and convert on the host",
  emulator: "accepts it",
  examples: {
    fires: program(
      "tensor<fp32, [1, 64, 1, 16]> x",
      line("y", [1, 64, 1, 16], 'cast(x = x, dtype = string("fp16"))'),
    ),
    silent: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)")),
  },
});
