/** What an additive mask puts where nothing may be seen. */

import { numberValue } from "../../mil/numbers.ts";
import type { Statement, Value } from "../../mil/tree.ts";
import { roundToHalf } from "../../support/half.ts";
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { mapFunctions } from "./rewrite.ts";
import { argument, type MilView, numbersOf, sites } from "./walk.ts";

const MASK = -40_000;
const tooLow = (n: number): boolean => roundToHalf(n) <= -65_504;

/** Whether a constant is the mask of an addition. */
function isMask(view: MilView, s: Statement): boolean {
  const name = s.results[0]?.name ?? "";
  const value = s.op === "const" ? argument(s, "val")?.value : undefined;
  const readers = view.users.get(name) ?? [];
  return readers.some((u) => u.op === "add") && (numbersOf(view, value) ?? []).some(tooLow);
}

function raised(value: Value): Value {
  if (value.kind === "typed") return { ...value, value: raised(value.value) };
  if (value.kind === "list") return { ...value, items: value.items.map(raised) };
  return value.kind === "number" && tooLow(numberValue(value.text))
    ? { kind: "number", text: String(MASK) }
    : value;
}

const text = (value: string): string =>
  [
    constant("fp16", "hidden", value),
    line("s", [1, 1, 32, 32], "add(x = x, y = hidden)"),
    line("y", [1, 1, 32, 32], "softmax(x = s, axis = int32(-1))"),
  ].join("\n");

export const maskConstant = defineFact({
  id: "mask_constant",
  statement:
    "A mask of minus infinity or -65,504 leaves fp16 as soon as a score is added; -40,000 is as good in a softmax and stays inside.",
  kind: "numerics",
  ops: ["add", "softmax"],
  evidence: [
    reported("Apple's guide for its own models", "uses -40,000"),
    reported("joshuaswarren/ane-linux-experiments", "quotes it, and masks so on M1 and M2"),
  ],
  *check(c): Generator<Finding> {
    for (const { view, s } of sites(c, "const")) {
      if (isMask(view, s))
        yield {
          title: `\`${s.results[0]!.name}\` masks with a number at the end of fp16`,
          span: s.results[0]!.span,
        };
    }
  },
  workaround: "use -40000",
  fix: (c) =>
    mapFunctions(c, (view) => {
      if (!view.f.body.some((s) => isMask(view, s))) return view.f;
      const body = view.f.body.map((s) => {
        if (!isMask(view, s)) return s;
        const attributes = s.attributes.map((a) =>
          a.name === "val" ? { ...a, value: raised(a.value) } : a,
        );
        return { ...s, attributes };
      });
      return { ...view.f, body };
    }),
  emulator: "adds in fp16: the sum is minus infinity",
  examples: {
    fires: program(fp16("x", [1, 1, 32, 32]), text("-65504")),
    silent: program(fp16("x", [1, 1, 32, 32]), text("-40000")),
  },
});
