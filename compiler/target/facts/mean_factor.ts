/** A mean is better asked for than made. */
import { defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { replacing } from "./rewrite.ts";
import {
  argument,
  atOp,
  axisFrom0,
  int,
  ints,
  operand,
  result,
  type Site,
  scalar,
  sites,
  source,
} from "./walk.ts";

/** The sum behind mul(reduce_sum(x), 1/n), if this is one. */
function sumOf(site: Site): Site | undefined {
  const s = site.s.op === "mul" ? source(site, "x") : undefined;
  const factor = scalar(site, "y");
  if (s?.op !== "reduce_sum" || factor === undefined) return undefined;
  const sum = { view: site.view, s };
  const shape = operand(sum, "x")?.shape;
  if (shape === undefined) return undefined;
  const axes = ints(sum, "axes") ?? shape.map((_, i) => i);
  const count = axes.reduce((n, axis) => n * (shape[axisFrom0(axis, shape.length)] ?? 0), 1);
  return Math.abs(factor * count - 1) < 1e-3 ? sum : undefined;
}

const REDUCED = "axes = tensor<int32, [1]>([1]), keep_dims = bool(true)";

export const meanFactor = defineFact({
  id: "mean_factor",
  statement:
    "`reduce_mean` multiplies by 1/N in fp32. A sum times an fp16 constant rounds 1/N to 11 bits and can pass 65,504 before it.",
  kind: "numerics",
  ops: ["mul", "reduce_sum", "reduce_mean"],
  evidence: [
    reported("joshuaswarren/mil-hwx-compiler", "the factor is an fp32 word of the task, M1 and M2"),
    reported("jafreck/ironmill op support matrix", "`reduce_mean` right to 0.0004, M3 Pro"),
  ],
  *check(c): Generator<Finding> {
    for (const site of sites(c, "mul"))
      if (sumOf(site) !== undefined) yield atOp(site.s, "a mean is made from a sum", "1/N in fp16");
  },
  workaround: "use `reduce_mean`",
  fix: replacing((site, emit) => {
    const [sum, out] = [sumOf(site), result(site.s)];
    if (sum === undefined || out === undefined) return false;
    const x = argument(sum.s, "x")!.value;
    const axes = ints(sum, "axes");
    const args = {
      x,
      ...(axes === undefined ? {} : { axes }),
      keep_dims: int(sum, "keep_dims", 0) !== 0,
    };
    emit.add("reduce_mean", out, args, site.s.results[0]!.name);
    return true;
  }),
  emulator: "rounds the constant to fp16 and the sum to fp16; a mean is rounded once",
  examples: {
    fires: program(
      fp16("x", [1, 96, 1, 32]),
      `${line("s", [1, 1, 1, 32], `reduce_sum(x = x, ${REDUCED})`)}\n${line("y", [1, 1, 1, 32], "mul(x = s, y = fp16(0.010416667))")}`,
    ),
    silent: program(
      fp16("x", [1, 96, 1, 32]),
      line("y", [1, 1, 1, 32], `reduce_mean(x = x, ${REDUCED})`),
    ),
  },
});
