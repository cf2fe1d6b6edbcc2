/** The condition of `select` is bool. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { number, replacing } from "./rewrite.ts";
import { argument, atArgument, operand, result, sites } from "./walk.ts";

export const selectCondition = defineFact({
  id: "select_condition",
  statement: "The condition of `select` has bool elements; fp16 is refused.",
  kind: "reject",
  ops: ["select"],
  evidence: [
    reported("joshuaswarren/mil-hwx-compiler", "fp16 refused, bool runs, M1 and M2"),
    reported("jafreck/ironmill op support matrix", "bool exact, M3 Pro"),
  ],
  *check(c, ops): Generator<Finding> {
    for (const site of sites(c, ...ops)) {
      const element = operand(site, "cond")?.element ?? "bool";
      if (element !== "bool")
        yield atArgument(site.s, "cond", `the condition of \`select\` is ${element}`, element);
    }
  },
  workaround: "compare with 0 first",
  fix: replacing((site, emit) => {
    const [cond, out] = [operand(site, "cond"), result(site.s)];
    const args = ["cond", "a", "b"].map((name) => argument(site.s, name)?.value);
    const [x, a, b] = args;
    if (site.s.op !== "select" || !cond || cond.element === "bool" || !out || !x || !a || !b)
      return false;
    const test = emit.add(
      "not_equal",
      { ...cond, element: "bool" },
      { x, y: number(0, cond.element) },
    );
    emit.add("select", out, { cond: test, a, b }, site.s.results[0]!.name);
    return true;
  }),
  emulator: "refuses the program with InvalidMILProgram",
  examples: {
    fires: program(
      `${fp16("m", [1, 64, 1, 32])}, ${fp16("x", [1, 64, 1, 32])}`,
      line("y", [1, 64, 1, 32], "select(cond = m, a = x, b = m)"),
    ),
    silent: program(
      `${fp16("m", [1, 64, 1, 32])}, ${fp16("x", [1, 64, 1, 32])}`,
      `tensor<bool, [1, 64, 1, 32]> t = greater(x = m, y = x);\n${line("y", [1, 64, 1, 32], "select(cond = t, a = x, b = m)")}`,
    ),
  },
});
