/** How large the scores of one attention may be. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { elementBytes } from "./run_context.ts";
import { atOp, elementCount, operand, sites } from "./walk.ts";

const LARGEST = 26 * 2 ** 20;

export const scoreSize = defineFact({
  id: "score_size",
  statement:
    "A program with attention over more than about 1,024 positions (12 heads: 25 MB of scores) does not compile.",
  kind: "warn",
  ops: ["softmax"],
  evidence: [
    reported(
      "ncdrone/autoresearch-ANE",
      "256, 512 and 1,024 pass; 1,152, 1,536 and 2,048 fail; 12 heads of 64, M4 Max",
    ),
    reported("maderix/h3.c-ane", "cuts queries into tiles of 512 rows, M4"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const x = operand(site, "x");
      const bytes = x === undefined ? 0 : elementCount(x.shape) * elementBytes(x.element);
      if (bytes > LARGEST)
        yield atOp(
          site.s,
          `these scores are ${Math.round(bytes / 1e6)} MB`,
          `${Math.round(bytes / 1e6)} MB`,
        );
    }
  },
  workaround: "cut the queries into tiles of 512 rows",
  emulator: "refuses the program with CompilationFailure",
  examples: {
    fires: program(
      fp16("x", [1, 12, 1152, 1152]),
      line("y", [1, 12, 1152, 1152], "softmax(x = x, axis = int32(-1))"),
    ),
    silent: program(
      fp16("x", [1, 12, 1024, 1024]),
      line("y", [1, 12, 1024, 1024], "softmax(x = x, axis = int32(-1))"),
    ),
  },
});
