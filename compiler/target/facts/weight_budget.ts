/** How many weights one program may carry. */
import { blobUses } from "./blobs.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { elementBytes } from "./run_context.ts";
import { elementCount } from "./walk.ts";

const text = (channels: number): string =>
  program(
    fp16("x", [1, channels, 1, 32]),
    `${weight("w", [channels, channels, 1, 1])}\n${line("y", [1, channels, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
  );

export const weightBudget = defineFact({
  id: "weight_budget",
  statement: "A program carries at most about 8 MB of fp16 weights.",
  kind: "reject",
  evidence: [
    reported("jafreck/ironmill", "larger programs fail, M3 Pro"),
    against("skyfallsin/ANE-LM", "150 MB in one program, M3 Max"),
    against("joshuaswarren/mil-hwx-compiler", "448 MB, M1 and M2"),
    against("maderix/h3.c-ane", "385 million int8 weights, M4"),
  ],
  *check(c): Generator<Finding> {
    let bytes = 0;
    for (const { tensor } of blobUses(c))
      bytes += tensor === undefined ? 0 : elementCount(tensor.shape) * elementBytes(tensor.element);
    if (bytes > 8 * 2 ** 20)
      yield {
        title: `the program has ${Math.round(bytes / 1e6)} MB of weights`,
        span: c.program.span,
      };
  },
  workaround: "none is needed as far as most can tell",
  emulator: "accepts any number",
  examples: { fires: text(2560), silent: text(512) },
});
