/** How much of a program stays on the chip. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { elementBytes } from "./run_context.ts";
import { atOp, elementCount, result, sites } from "./walk.ts";

const ON_CHIP = 32 * 2 ** 20;
const text = (width: number): string =>
  program(fp16("x", [1, 4096, 1, width]), line("y", [1, 4096, 1, width], "relu(x = x)"));

export const workingSet = defineFact({
  id: "working_set",
  statement: "About 32 MB stay on the chip; a program that touches more at once is 30 % slower.",
  kind: "cost",
  evidence: [
    reported("maderix/ANE", "a drop at 96 MB, M4"),
    reported("mechramc/Orion README", "32 MB, M4 Max"),
    against(
      "751K M6 study",
      "the compiler works with 2 MiB and cuts tensors into blocks; no cliff in time up to 16 MB, M6",
    ),
  ],
  *check(c): Generator<Finding> {
    for (const { s } of sites(c)) {
      const out = s.op === "const" ? undefined : result(s);
      const bytes = out === undefined ? 0 : elementCount(out.shape) * elementBytes(out.element);
      if (bytes > ON_CHIP)
        yield atOp(
          s,
          `this result is ${Math.round(bytes / 1e6)} MB`,
          `${Math.round(bytes / 1e6)} MB`,
        );
    }
  },
  workaround: "cut tensors so that what is alive at once fits",
  emulator: "counts the time",
  examples: { fires: text(8192), silent: text(512) },
});
