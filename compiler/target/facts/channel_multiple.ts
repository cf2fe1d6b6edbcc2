/** Channels in multiples of 32. */
import { defineFact, type Finding, reported } from "./define.ts";
import { convArguments, fp16, line, program, weight } from "./examples.ts";
import { atOp, operand, sites } from "./walk.ts";

const text = (channels: number): string =>
  program(
    fp16("x", [1, 64, 1, 32]),
    `${weight("w", [channels, 64, 1, 1])}\n${line("y", [1, channels, 1, 32], `conv(x = x, weight = w, ${convArguments()})`)}`,
  );

export const channelMultiple = defineFact({
  id: "channel_multiple",
  statement: "Channel counts that are no multiple of 32 leave part of the engine idle.",
  kind: "cost",
  ops: ["conv"],
  evidence: [
    reported(
      "christopherkarani/Espresso docs/qwen-parity.md",
      "models whose widths are multiples of 64 need no retries, M3 Max",
    ),
    reported("751K M6 study", "one step up at 256 to 272 outputs costs 32 %, M6"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const [out = 32] = operand(site, "weight")?.shape ?? [];
      if (out > 32 && out % 32 !== 0)
        yield atOp(site.s, `${out} output channels are no multiple of 32`, `${out} channels`);
    }
  },
  workaround: "pad the weights with rows of zeros",
  emulator: "counts the time",
  examples: { fires: text(100), silent: text(128) },
});
