/** Ops on two bools. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import { argument, atOp, result, sites, tensorAt } from "./walk.ts";

/** On zeros and ones: what `op` is, and the bound that its result passes. */
const AS_NUMBERS: Readonly<Record<string, "mul" | "add" | "not_equal">> = {
  logical_and: "mul",
  logical_or: "add",
  logical_xor: "not_equal",
};

const tests = `tensor<bool, [1, 64, 1, 32]> p = greater(x = x, y = fp16(0));
tensor<bool, [1, 64, 1, 32]> q = less(x = x, y = fp16(1));`;

export const logicalOps = defineFact({
  id: "logical_ops",
  statement: "`logical_and`, `logical_or` and `logical_xor` are refused; `logical_not` is not.",
  kind: "reject",
  ops: Object.keys(AS_NUMBERS),
  evidence: [
    reported("jafreck/ironmill op support matrix", "refused, M3 Pro"),
    reported("sbryngelson/ANEForge op catalog", "refused, M1 to M5"),
    against("computer-graphics-tools/ane", "its schema has the first two"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) yield atOp(s, `\`${s.op}\` may be refused`, s.op);
  },
  workaround: "cast to fp16, multiply or add, and compare",
  fix: replacing((site, emit) => {
    const [x, y, out] = [argument(site.s, "x"), argument(site.s, "y"), result(site.s)];
    const op = AS_NUMBERS[site.s.op];
    if (op === undefined || x === undefined || y === undefined || out === undefined) return false;
    const half = { ...out, element: "fp16" } as const;
    const [a, b] = [x, y].map(({ value }) => {
      const shape = tensorAt(site.view, value)?.shape ?? out.shape;
      return emit.add("cast", { ...half, shape }, { x: value, dtype: "fp16" });
    });
    const name = site.s.results[0]!.name;
    if (op === "not_equal") emit.add(op, out, { x: a!, y: b! }, name);
    else emit.add("greater", out, { x: emit.add(op, half, { x: a!, y: b! }), y: 0.5 }, name);
    return true;
  }),
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      fp16("x", [1, 64, 1, 32]),
      `${tests}
       tensor<bool, [1, 64, 1, 32]> t = logical_and(x = p, y = q);
       ${line("y", [1, 64, 1, 32], "select(cond = t, a = x, b = fp16(0))")}`,
    ),
    silent: program(
      fp16("x", [1, 64, 1, 32]),
      `${tests.split("\n")[0]}
       tensor<bool, [1, 64, 1, 32]> t = logical_not(x = p);
       ${line("y", [1, 64, 1, 32], "select(cond = t, a = x, b = fp16(0))")}`,
    ),
  },
});
