/** The logarithm of a sum of exponentials. */
import { defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";
import { float, replacing } from "./rewrite.ts";
import {
  argument,
  atOp,
  axisFrom0,
  int,
  ints,
  operand,
  result,
  type Site,
  sites,
  source,
} from "./walk.ts";

interface Parts {
  readonly x: Site;
  readonly sum: Site;
}

/** The ops behind log(reduce_sum(exp(x))) where x was not lowered by its maximum. */
function partsOf(site: Site): Parts | undefined {
  const sum = site.s.op === "log" ? source(site, "x") : undefined;
  if (sum?.op !== "reduce_sum") return undefined;
  const exp = source({ ...site, s: sum }, "x");
  if (exp?.op !== "exp") return undefined;
  const lowered = source({ ...site, s: exp }, "x");
  const less = lowered?.op === "sub" ? source({ ...site, s: lowered }, "y") : undefined;
  return less?.op === "reduce_max"
    ? undefined
    : { x: { ...site, s: exp }, sum: { ...site, s: sum } };
}

const REDUCED = "axes = tensor<int32, [1]>([3]), keep_dims = bool(true)";
const tail = `${line("s", [1, 8, 4, 1], `reduce_sum(x = e, ${REDUCED})`)}
${line("y", [1, 8, 4, 1], "log(x = s, epsilon = tiny)")}`;

export const logSumExp = defineFact({
  id: "log_sum_exp",
  statement:
    "A sum of exponentials leaves fp16 early: it is reported wrong from inputs of about 7.6 on.",
  kind: "numerics",
  ops: ["reduce_log_sum_exp", "log"],
  evidence: [
    reported("apple/coremltools issue 2690", "logsumexp is off from x of about 7.63 on"),
    reported("ane-guide", "softmax subtracts the maximum and is fine"),
  ],
  *check(c): Generator<Finding> {
    for (const { s } of sites(c, "reduce_log_sum_exp"))
      yield atOp(s, "this sum of exponentials overflows early", s.op);
    for (const site of sites(c, "log"))
      if (partsOf(site)) yield atOp(site.s, "this sum of exponentials overflows early", "log");
  },
  *checkRun({ numbers }): Generator<Finding> {
    if (numbers?.op !== "reduce_log_sum_exp") return;
    const most = Math.max(...numbers.operands[0]!);
    if (most > 7.6) yield { title: `the log-sum-exp of values up to ${most} is off` };
  },
  workaround: "subtract the maximum first and add it to the logarithm",
  // ln Σ exp(x) = m + ln Σ exp(x − m), m = max x
  fix: replacing((site, emit) => {
    const { s } = site;
    const parts = s.op === "reduce_log_sum_exp" ? { x: site, sum: site } : partsOf(site);
    const [wide, out] = [parts && operand(parts.x, "x"), result(s)];
    if (parts === undefined || wide === undefined || out === undefined) return false;
    const axes = ints(parts.sum, "axes") ?? wide.shape.map((_, i) => i);
    const counted = axes.map((axis) => axisFrom0(axis, wide.shape.length));
    const kept = { ...out, shape: wide.shape.map((n, i) => (counted.includes(i) ? 1 : n)) };
    const keeps = int(parts.sum, "keep_dims", 0) !== 0;
    const x = argument(parts.x.s, "x")!.value;
    const most = emit.add("reduce_max", kept, { x, axes, keep_dims: true });
    const lowered = emit.add("sub", wide, { x, y: most });
    const sum = emit.add("reduce_sum", kept, {
      x: emit.add("exp", wide, { x: lowered }),
      axes,
      keep_dims: true,
    });
    const log = emit.add("log", kept, { x: sum, epsilon: float(2 ** -17, out.element) });
    const name = s.results[0]!.name;
    const both = emit.add("add", kept, { x: log, y: most }, keeps ? name : undefined);
    if (!keeps) emit.add("reshape", out, { x: both, shape: out.shape }, name);
    return true;
  }),
  emulator: "stores the exponentials and their sum in fp16 with `numerics=exact`",
  examples: {
    fires: program(
      fp16("x", [1, 8, 4, 32]),
      `${constant("fp16", "tiny", "0x1p-17")}\n${line("e", [1, 8, 4, 32], "exp(x = x)")}\n${tail}`,
    ),
    silent: program(
      fp16("x", [1, 8, 4, 32]),
      `${constant("fp16", "tiny", "0x1p-17")}
       ${line("m", [1, 8, 4, 1], `reduce_max(x = x, ${REDUCED})`)}
       ${line("d", [1, 8, 4, 32], "sub(x = x, y = m)")}
       ${line("e", [1, 8, 4, 32], "exp(x = d)")}\n${tail}`,
    ),
  },
});
