/** `rsqrt`, `log` and `inverse` need their epsilon. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { float, mapFunctions, withArgument } from "./rewrite.ts";
import { argument, atOp, result, sites } from "./walk.ts";

const OPS = ["rsqrt", "log", "inverse"];

export const requiredEpsilon = defineFact({
  id: "required_epsilon",
  statement:
    "`rsqrt`, `log` and `inverse` are refused without their `epsilon`, which is why many list them as unsupported.",
  kind: "reject",
  ops: OPS,
  evidence: [
    reported(
      "jafreck/ironmill op support matrix",
      "all three exact to 0.005 with it, refused without, M3 Pro",
    ),
    reported("AmiraniLabs/libane", "always passes 0x1.0cp-17"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      if (argument(s, "epsilon") === undefined)
        yield atOp(s, `\`${s.op}\` has no \`epsilon\``, s.op);
    }
  },
  apple: "ANECCompile() FAILED: err=(InvalidMILProgram)",
  workaround: "pass `epsilon = fp16(0x1p-17)`, or use `pow` with -0.5 or -1",
  fix: (c) =>
    mapFunctions(c, ({ f }) => {
      const isBare = (s: (typeof f.body)[number]): boolean =>
        OPS.includes(s.op) && argument(s, "epsilon") === undefined;
      if (!f.body.some(isBare)) return f;
      const epsilon = (s: (typeof f.body)[number]) => float(2 ** -17, result(s)?.element ?? "fp16");
      return {
        ...f,
        body: f.body.map((s) => (isBare(s) ? withArgument(s, "epsilon", epsilon(s)) : s)),
      };
    }),
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "rsqrt(x = x)")),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      line("y", [1, 64, 1, 32], "rsqrt(x = x, epsilon = fp16(0x1p-17))"),
    ),
  },
});
