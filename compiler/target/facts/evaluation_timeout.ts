/** A call that takes too long is ended. */
import { assumed, defineFact, type Finding, reported } from "./define.ts";

const MOST = 1e12;

export const evaluationTimeout = defineFact({
  id: "evaluation_timeout",
  statement:
    "A watchdog ends calls that take too long, and the outputs are NaN; a trillion operations is a safe bound.",
  kind: "runtime",
  evidence: [
    reported("pytorch/pytorch issue 110975", "a product of 16,384 by 16,384, macOS 14"),
    assumed(
      "pytorch/pytorch issue 110975",
      "that call has 8.8 trillion operations; one trillion leaves a margin",
    ),
  ],
  *checkRun({ dispatch }): Generator<Finding> {
    const flops = dispatch?.flops ?? 0;
    if (flops > MOST)
      yield { title: `one call has ${(flops / 1e12).toFixed(1)} trillion operations` };
  },
  apple: "Code=3 … status=0xf : statusType=0x11: Program Inference timeout: timed out",
  workaround: "cut the work into several calls",
  emulator: "ends the call with this text",
  examples: {
    fires: { chip: "m2", dispatch: { flops: 8.8e12 } },
    silent: { chip: "m2", dispatch: { flops: 1e11 } },
  },
});
