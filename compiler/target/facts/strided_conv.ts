/** Convolutions that skip. */
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atArgument, int, ints, sites } from "./walk.ts";

const text = (step: number): string =>
  program(
    fp16("x", [1, 64, 1, 32 * step]),
    `${weight("w", [64, 64, 1, 1])}\n${line("y", [1, 64, 1, 32], `conv(x = x, weight = w, ${convArguments().replace("([1, 1])", `([1, ${step}])`)})`)}`,
  );

export const stridedConv = defineFact({
  id: "strided_conv",
  statement: "A dense `conv` with strides above 1 runs at about 45 GB/s, far below its arithmetic.",
  kind: "cost",
  ops: ["conv"],
  evidence: [reported("electricapp/ane-bridge-rs", "bandwidth by kind of op, M5")],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const strides = ints(site, "strides") ?? [];
      if (strides.some((n) => n > 1) && int(site, "groups", 1) === 1)
        yield atArgument(
          site.s,
          "strides",
          "a dense convolution with strides is slow",
          strides.join(" by "),
        );
    }
  },
  workaround: "use `space_to_depth` and a convolution without strides",
  emulator: "counts the bytes",
  examples: { fires: text(2), silent: text(1) },
});
