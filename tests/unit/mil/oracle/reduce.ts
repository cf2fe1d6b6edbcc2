/** Formulas of reductions, norms and orders. */
import { list, type OracleCase, type Reader, sum } from "../../../support/mil_oracle.ts";

const reduce = (op: string, f: (row: number[]) => number, range = "0.25..2"): OracleCase[] => [
  {
    op,
    about: "one axis, kept",
    in: { x: `F 2,3,4 ${range}` },
    y: `${op}(x = x, axes = [1], keep_dims = true)`,
    out: "F 2,1,4",
    at: ({ x }, i, _, k) => f(list(3, (j) => x!(i!, j, k!))),
  },
  {
    op,
    about: "two axes, one from the end",
    in: { x: `F 2,3,4 ${range}` },
    y: `${op}(x = x, axes = [0, -1], keep_dims = false)`,
    out: "F 3",
    at: ({ x }, j) => f(list(8, (n) => x!(n >> 2, j!, n & 3))),
  },
];

const total = (row: number[]): number => row.reduce((a, v) => a + v, 0);
const top = (row: number[]): number => [...row].sort((a, b) => b - a)[0]!;

/** Places of a row's elements from the largest to the smallest; the first of equals comes first. */
function ranked(row: number[]): number[] {
  const out: number[] = [];
  while (out.length < row.length) {
    let best = -1;
    for (let i = 0; i < row.length; i++)
      if (!out.includes(i) && (best < 0 || row[i]! > row[best]!)) best = i;
    out.push(best);
  }
  return out;
}

/** (x − mean) / √(variance + ε) of one element of a row. */
function standard(row: number[], v: number, epsilon: number): number {
  const mean = total(row) / row.length;
  const variance = total(row.map((w) => (w - mean) ** 2)) / row.length;
  return (v - mean) / Math.sqrt(variance + epsilon);
}

const five = (x: Reader, i: number): number[] => list(5, (j) => x(i, j));

const running = (flags: string, places: (j: number) => number[]): OracleCase => ({
  op: "cumsum",
  about: flags,
  in: { x: "F 2,4,3" },
  y: `cumsum(x = x, axis = 1${flags})`,
  out: "F 2,4,3",
  at: ({ x }, i, j, k) => total(places(j!).map((p) => x!(i!, p, k!))),
});

const upTo = (n: number): number[] => list(n, (i) => i);

export const REDUCE: readonly OracleCase[] = [
  ...reduce("reduce_sum", total, "-2..2"),
  ...reduce("reduce_mean", (row) => total(row) / row.length, "-2..2"),
  ...reduce("reduce_max", top, "-2..2"),
  ...reduce("reduce_min", (row) => -top(row.map((v) => -v)), "-2..2"),
  ...reduce("reduce_prod", (row) => row.reduce((a, v) => a * v, 1)),
  ...reduce("reduce_l1_norm", (row) => total(row.map(Math.abs)), "-2..2"),
  ...reduce("reduce_l2_norm", (row) => Math.hypot(...row), "-2..2"),
  ...reduce("reduce_sum_square", (row) => total(row.map((v) => v * v)), "-2..2"),
  ...reduce("reduce_log_sum", (row) => Math.log(total(row))),
  ...reduce("reduce_log_sum_exp", (row) => Math.log(total(row.map(Math.exp)))),
  {
    op: "reduce_argmax",
    in: { x: "F 3,5" },
    y: "reduce_argmax(x = x, axis = 1, keep_dims = false)",
    out: "int32 3",
    at: ({ x }, i) => ranked(five(x!, i!))[0]!,
  },
  {
    op: "reduce_argmin",
    in: { x: "F 3,5" },
    y: 'reduce_argmin(x = x, axis = -1, keep_dims = true, output_dtype = string("uint16"))',
    out: "uint16 3,1",
    at: ({ x }, i) => ranked(five(x!, i!).map((v) => -v))[0]!,
  },
  {
    op: "softmax",
    in: { x: "F 2,5,3" },
    y: "softmax(x = x, axis = 1)",
    out: "F 2,5,3",
    at: ({ x }, i, j, k) =>
      Math.exp(x!(i!, j!, k!)) / total(list(5, (m) => Math.exp(x!(i!, m, k!)))),
  },
  running("", (j) => upTo(j + 1)),
  running(", exclusive = true", (j) => upTo(j)),
  running(", reverse = true", (j) => upTo(4).filter((p) => p >= j)),
  running(", exclusive = true, reverse = true", (j) => upTo(4).filter((p) => p > j)),
  {
    op: "argsort",
    in: { x: "F 3,5" },
    y: "argsort(x = x, axis = 1, ascending = false)",
    out: "int32 3,5",
    at: ({ x }, i, j) => ranked(five(x!, i!))[j!]!,
  },
  {
    op: "topk",
    in: { x: "F 3,5" },
    y: 'topk(x = x, k = 2, axis = 1, ascending = false, sort = true, return_indices = true, output_indices_dtype = string("uint16"))',
    out: ["F 3,2", "uint16 3,2"],
    at: [
      ({ x }, i, j) => x!(i!, ranked(five(x!, i!))[j!]!),
      ({ x }, i, j) => ranked(five(x!, i!))[j!]!,
    ],
  },
  {
    op: "topk",
    about: "the smallest along axis 0, without places",
    in: { x: "F 5,2" },
    y: "topk(x = x, k = 3, axis = 0, ascending = true, return_indices = false)",
    out: "F 3,2",
    at: ({ x }, i, j) => x!(ranked(list(5, (m) => -x!(m, j!)))[i!]!, j!),
  },
  {
    op: "band_part",
    in: { x: "F 2,4,5" },
    y: "band_part(x = x, lower = 1, upper = 2)",
    out: "F 2,4,5",
    at: ({ x }, b, m, n) => (m! - n! <= 1 && n! - m! <= 2 ? x!(b!, m!, n!) : 0),
  },
  {
    op: "band_part",
    about: "the upper triangle",
    in: { x: "F 4,4" },
    y: "band_part(x = x, lower = 0, upper = -1)",
    out: "F 4,4",
    at: ({ x }, m, n) => (n! >= m! ? x!(m!, n!) : 0),
  },
  {
    op: "layer_norm",
    in: { x: "F 2,3,4", g: "F 3,4", b: "F 3,4" },
    y: "layer_norm(x = x, axes = [1, 2], gamma = g, beta = b, epsilon = F(0.5))",
    out: "F 2,3,4",
    at: ({ x, g, b }, i, j, k) => {
      const row = list(12, (n) => x!(i!, n >> 2, n & 3));
      return standard(row, x!(i!, j!, k!), 0.5) * g!(j!, k!) + b!(j!, k!);
    },
  },
  {
    op: "layer_norm",
    about: "the channels, without parameters",
    in: { x: "F 2,6,3" },
    y: "layer_norm(x = x, axes = [1], epsilon = F(0.125))",
    out: "F 2,6,3",
    at: ({ x }, i, j, k) => {
      const row = list(6, (n) => x!(i!, n, k!));
      return standard(row, x!(i!, j!, k!), 0.125);
    },
  },
  {
    op: "batch_norm",
    in: { x: "F 2,3,4", m: "F 3", v: "F 3 0.5..2", g: "F 3", b: "F 3" },
    y: "batch_norm(x = x, mean = m, variance = v, gamma = g, beta = b, epsilon = F(0.25))",
    out: "F 2,3,4",
    at: ({ x, m, v, g, b }, n, c, h) =>
      ((x!(n!, c!, h!) - m!(c!)) / Math.sqrt(v!(c!) + 0.25)) * g!(c!) + b!(c!),
  },
  {
    op: "instance_norm",
    in: { x: "F 2,3,2,4", g: "F 3", b: "F 3" },
    y: "instance_norm(x = x, gamma = g, beta = b, epsilon = F(0.25))",
    out: "F 2,3,2,4",
    at: ({ x, g, b }, n, c, h, w) => {
      const row = list(8, (i) => x!(n!, c!, i >> 2, i & 3));
      return standard(row, x!(n!, c!, h!, w!), 0.25) * g!(c!) + b!(c!);
    },
  },
  {
    op: "l2_norm",
    in: { x: "F 2,3,2,4" },
    y: "l2_norm(x = x, epsilon = F(0.25))",
    out: "F 2,3,2,4",
    at: ({ x }, n, c, h, w) => {
      const squares = sum(3, (i) => sum(2, (j) => sum(4, (k) => x!(n!, i, j, k) ** 2)));
      return x!(n!, c!, h!, w!) / Math.sqrt(squares + 0.25);
    },
  },
  {
    op: "local_response_norm",
    in: { x: "F 2,6,3" },
    y: "local_response_norm(x = x, size = 3, alpha = F(0.5), beta = F(0.75), k = F(2))",
    out: "F 2,6,3",
    at: ({ x }, n, c, h) => {
      const around = sum(3, (i) => x!(n!, c! - 1 + i, h!) ** 2);
      return x!(n!, c!, h!) / (2 + (0.5 / 3) * around) ** 0.75;
    },
  },
];
