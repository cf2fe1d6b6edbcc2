/** More than eight inputs are bound wrongly. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";

const SAFE = 8;
const names = Array.from({ length: SAFE + 1 }, (_, i) => `i0${i}`);
const inputs = (count: number): string =>
  names
    .slice(0, count)
    .map((n) => fp16(n, [1, 8, 1, 32]))
    .join(", ");

export const inputCount = defineFact({
  id: "input_count",
  statement: "A request with more than eight inputs is bound wrongly without an error.",
  kind: "silent_wrong",
  evidence: [
    reported("maderix/h3.c-ane", "input binding silently goes wrong above eight, M4"),
    against("imperatormk/ane-train ANE_TRAINING.md", "up to 98 inputs, M1"),
  ],
  *check({ functions }): Generator<Finding> {
    for (const { f } of functions) {
      if (f.inputs.length <= SAFE) continue;
      yield {
        title: `function \`${f.name}\` has ${f.inputs.length} inputs`,
        span: f.inputs[SAFE]?.span,
        label: "the ninth",
      };
    }
  },
  workaround: "pack several tensors into one input, side by side along an axis",
  emulator: "binds all inputs; with `input-limit=8` binds those behind the eighth in reverse",
  examples: {
    fires: program(inputs(9), line("y", [1, 8, 1, 32], "add(x = i00, y = i08)")),
    silent: program(inputs(8), line("y", [1, 8, 1, 32], "add(x = i00, y = i07)")),
  },
});
