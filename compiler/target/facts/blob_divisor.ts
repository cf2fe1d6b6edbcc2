/** Dividing by weights of a file. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program, weight } from "./examples.ts";
import { argument, atArgument, isBlob, sites } from "./walk.ts";

export const blobDivisor = defineFact({
  id: "blob_divisor",
  statement:
    "`real_div` by a tensor of a weight file is refused by the raw compiler; `mul` is not.",
  kind: "warn",
  ops: ["real_div"],
  evidence: [reported("joshuaswarren/mil-hwx-compiler", "both programs that tried, for M1 and M2")],
  *check(c, ops): Generator<Finding> {
    for (const { view, s } of sites(c, ...ops)) {
      if (isBlob(view, argument(s, "y")?.value))
        yield atArgument(s, "y", "the divisor is a tensor of a weight file", "BLOBFILE");
    }
  },
  workaround: "store the reciprocals and multiply",
  emulator: "accepts it",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${weight("w", [1, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], "real_div(x = x, y = w)")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${weight("w", [1, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], "mul(x = x, y = w)")}`,
    ),
  },
});
