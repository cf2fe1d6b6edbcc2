/** `softplus` stops. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { float, replacing } from "./rewrite.ts";
import { argument, atOp, result, sites } from "./walk.ts";

export const softplusCutoff = defineFact({
  id: "softplus_cutoff",
  statement: "`softplus` returns 0 for inputs from ln 65504 = 11.09 on, infinity included.",
  kind: "numerics",
  ops: ["softplus"],
  evidence: [
    reported("sbryngelson/ANEForge issue 113", "compared with a CPU"),
    reported("sbryngelson/ANEForge docs/developer/numerics.md", "softplus(+inf) = 0"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops))
      yield atOp(s, "`softplus` is 0 for inputs from 11.09 on", "softplus");
  },
  *checkRun({ numbers }): Generator<Finding> {
    const most = numbers?.op === "softplus" ? Math.max(...numbers.operands[0]!) : 0;
    if (most >= 11.09) yield { title: `softplus(${most}) is 0 on the engine` };
  },
  workaround: "write max(x, 0) + ln(1 + exp(-|x|))",
  fix: replacing((site, emit) => {
    const [x, out] = [argument(site.s, "x"), result(site.s)];
    if (site.s.op !== "softplus" || x === undefined || out === undefined) return false;
    const one = (n: number) => float(n, out.element);
    const size = emit.add("abs", out, { x: x.value });
    const small = emit.add("exp", out, { x: emit.add("mul", out, { x: size, y: one(-1) }) });
    const above = emit.add("add", out, { x: small, y: one(1) });
    const rest = emit.add("log", out, { x: above, epsilon: one(2 ** -17) });
    emit.add(
      "add",
      out,
      { x: emit.add("relu", out, { x: x.value }), y: rest },
      site.s.results[0]!.name,
    );
    return true;
  }),
  emulator: "returns 0 from 11.09 on",
  examples: {
    fires: program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "softplus(x = x)")),
    silent: { chip: "m5", numbers: { unit: "table", op: "softplus", operands: [[-3, 4, 11]] } },
  },
});
