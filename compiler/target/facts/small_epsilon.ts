/** The smallest number whose root or logarithm the engine can take. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { float, mapFunctions, withArgument } from "./rewrite.ts";
import { atArgument, result, scalar, sites } from "./walk.ts";

const SMALLEST = 2 ** -17;
const OPS = ["rsqrt", "log", "inverse"];

export const smallEpsilon = defineFact({
  id: "small_epsilon",
  statement: "`rsqrt`, `log` and `inverse` of anything below about 7.6e-6 give an infinity.",
  kind: "numerics",
  ops: OPS,
  evidence: [
    reported("AmiraniLabs/libane", "clamps operands to 0x1.0cp-17"),
    reported("jafreck/ironmill ane_op_eval", "uses the same bound, M3 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const epsilon = scalar(site, "epsilon");
      if (epsilon === undefined || epsilon >= SMALLEST) continue;
      yield atArgument(
        site.s,
        "epsilon",
        `\`${site.s.op}\` of zero is an infinity with epsilon ${epsilon}`,
        "below 7.6e-6",
      );
    }
  },
  *checkRun({ numbers }): Generator<Finding> {
    if (numbers === undefined || numbers.unit !== "table" || !OPS.includes(numbers.op)) return;
    const least = Math.min(...numbers.operands[0]!);
    if (least >= 0 && least < SMALLEST)
      yield { title: `\`${numbers.op}\` of ${least} is an infinity` };
  },
  workaround: "use an epsilon of at least 2^-17",
  fix: (c) =>
    mapFunctions(c, (view) => {
      const low = view.f.body.map((s) => {
        const epsilon = OPS.includes(s.op) ? scalar({ view, s }, "epsilon") : undefined;
        return epsilon !== undefined && epsilon < SMALLEST;
      });
      if (!low.includes(true)) return view.f;
      const raised = view.f.body.map((s, i) =>
        low[i] ? withArgument(s, "epsilon", float(SMALLEST, result(s)?.element ?? "fp16")) : s,
      );
      return { ...view.f, body: raised };
    }),
  emulator: "gives infinities below 2^-17 with `numerics=exact`",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], "log(x = x, epsilon = fp16(0x1p-24))"),
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], "log(x = x, epsilon = fp16(0x1p-17))"),
    ),
  },
});
