/** Formulas of ops that go element by element. */
import type { OracleCase } from "../../../support/mil_oracle.ts";

/** erf by Simpson's rule on its integral. */
function erf(x: number): number {
  const n = 2000;
  const h = x / n;
  let total = 1 + Math.exp(-x * x);
  for (let i = 1; i < n; i++) total += (i % 2 === 1 ? 4 : 2) * Math.exp(-((i * h) ** 2));
  return ((2 / Math.sqrt(Math.PI)) * total * h) / 3;
}

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
const awayFromZero = (v: number): number => {
  const whole = Math.trunc(v);
  return Math.abs(v - whole) >= 0.5 ? whole + Math.sign(v) : whole;
};

const unary = (op: string, f: (v: number) => number, range = "-2..2", kind = "F"): OracleCase => ({
  op,
  about: kind,
  in: { x: `${kind} 2,5 ${range}` },
  y: `${op}(x = x)`,
  out: `${kind} 2,5`,
  at: ({ x }, i, j) => f(x!(i!, j!)),
});

const binary = (
  op: string,
  f: (v: number, w: number) => number,
  range = "0.25..3",
  kind = "F",
  out = kind,
): OracleCase => ({
  op,
  about: kind,
  in: { x: `${kind} 2,3,1 ${range}`, y: `${kind} 3,4 ${range}` },
  y: `${op}(x = x, y = y)`,
  out: `${out} 2,3,4`,
  at: ({ x, y }, i, j, k) => f(x!(i!, j!, 0), y!(j!, k!)),
});

const compare = (op: string, f: (v: number, w: number) => boolean): OracleCase =>
  binary(op, (v, w) => Number(f(v, w)), "-2..2", "int32", "bool");

const withParameters = (
  op: string,
  parameters: string,
  f: (v: number) => number,
  range = "-3..3",
): OracleCase => ({
  op,
  about: parameters,
  in: { x: `F 3,7 ${range}` },
  y: `${op}(x = x, ${parameters})`,
  out: "F 3,7",
  at: ({ x }, i, j) => f(x!(i!, j!)),
});

const cast = (from: string, to: string, f: (v: number) => number, range: string): OracleCase => ({
  op: "cast",
  about: `${from} to ${to}`,
  in: { x: `${from} 20 ${range}` },
  y: `cast(x = x, dtype = string("${to}"))`,
  out: `${to} 20`,
  at: ({ x }, i) => f(x!(i!)),
});

const clamped = (v: number, low: number, high: number): number =>
  v < low ? low : v > high ? high : v;

export const ELEMENTWISE: readonly OracleCase[] = [
  unary("identity", (v) => v),
  unary("abs", (v) => (v < 0 ? -v : v)),
  unary("abs", (v) => (v < 0 ? -v : v), "-5..5", "int32"),
  unary("neg", (v) => -v),
  unary("sign", (v) => (v > 0 ? 1 : v < 0 ? -1 : 0), "-1..1", "int32"),
  unary("square", (v) => v * v),
  unary("sqrt", (v) => v ** 0.5, "0..4"),
  unary("exp", (v) => Math.E ** v),
  unary("exp2", (v) => Math.exp(v * Math.LN2)),
  unary("erf", erf),
  unary("floor", (v) => v - (((v % 1) + 1) % 1)),
  unary("ceil", (v) => -Math.floor(-v)),
  unary("round", awayFromZero),
  unary("sin", (v) => Math.cos(v - Math.PI / 2)),
  unary("cos", (v) => Math.sin(v + Math.PI / 2)),
  unary("tan", (v) => Math.sin(v) / Math.cos(v), "-1..1"),
  unary("asin", (v) => Math.atan2(v, Math.sqrt(1 - v * v)), "-0.9..0.9"),
  unary("acos", (v) => Math.atan2(Math.sqrt(1 - v * v), v), "-0.9..0.9"),
  unary("atan", (v) => Math.asin(v / Math.sqrt(1 + v * v))),
  unary("sinh", (v) => (Math.exp(v) - Math.exp(-v)) / 2),
  unary("cosh", (v) => (Math.exp(v) + Math.exp(-v)) / 2),
  unary("tanh", (v) => 1 - 2 / (Math.exp(2 * v) + 1)),
  unary("asinh", (v) => Math.sign(v) * Math.log(Math.abs(v) + Math.sqrt(v * v + 1))),
  unary("acosh", (v) => Math.log(v + Math.sqrt(v * v - 1)), "1.1..4"),
  unary("atanh", (v) => Math.log((1 + v) / (1 - v)) / 2, "-0.9..0.9"),
  unary("logical_not", (v) => 1 - v, "", "bool"),

  binary("add", (v, w) => v + w),
  binary("add", (v, w) => v + w, "-9..9", "int32"),
  binary("sub", (v, w) => v - w),
  binary("mul", (v, w) => v * w),
  binary("real_div", (v, w) => v / w),
  binary("real_div", (v, w) => Math.trunc(v / w), "1..9", "int32"),
  binary("floor_div", (v, w) => Math.floor(v / w)),
  binary("mod", (v, w) => v - w * Math.floor(v / w)),
  binary("pow", (v, w) => Math.exp(w * Math.log(v))),
  binary("maximum", (v, w) => (v > w ? v : w)),
  binary("minimum", (v, w) => (v < w ? v : w)),
  compare("equal", (v, w) => v === w),
  compare("not_equal", (v, w) => v !== w),
  compare("less", (v, w) => v < w),
  compare("less_equal", (v, w) => !(v > w)),
  compare("greater", (v, w) => v > w),
  compare("greater_equal", (v, w) => !(v < w)),
  binary("logical_and", (v, w) => v * w, "", "bool"),
  binary("logical_or", (v, w) => v + w - v * w, "", "bool"),
  binary("logical_xor", (v, w) => (v + w) % 2, "", "bool"),
  {
    op: "select",
    in: { c: "bool 2,1", a: "F 1,3", b: "F 2,3" },
    y: "select(cond = c, a = a, b = b)",
    out: "F 2,3",
    at: ({ c, a, b }, i, j) => (c!(i!, 0) === 1 ? a!(0, j!) : b!(i!, j!)),
  },
  cast("F", "int8", (v) => clamped(Math.trunc(v), -128, 127), "-200..200"),
  cast("F", "uint8", (v) => clamped(Math.trunc(v), 0, 255), "-20..300"),
  cast("F", "bool", (v) => Number(v !== 0), "-1..1"),
  cast("int32", "fp32", (v) => v, "-99..99"),
  {
    op: "constexpr_cast",
    in: {},
    y: 'constexpr_cast()[source_val = tensor<fp16, [3]>([1, -2, 0.5]), output_dtype = string("fp32")]',
    out: "fp32 3",
    at: (_, i) => [1, -2, 0.5][i!]!,
  },

  withParameters("rsqrt", "epsilon = F(0.25)", (v) => (v + 0.25) ** -0.5, "0..3"),
  withParameters("log", "epsilon = F(0.25)", (v) => Math.log10(v + 0.25) * Math.LN10, "0..3"),
  withParameters("inverse", "epsilon = F(0.25)", (v) => (v + 0.25) ** -1, "0..3"),
  withParameters("clip", "alpha = F(-0.5), beta = F(1.5)", (v) => clamped(v, -0.5, 1.5)),
  withParameters("threshold", "alpha = F(0.5)", (v) => (v > 0.5 ? v : 0.5)),
  withParameters("leaky_relu", "alpha = F(0.125)", (v) => v * (v < 0 ? 0.125 : 1)),
  withParameters("elu", "alpha = F(0.5)", (v) => (v > 0 ? v : 0.5 * (Math.exp(v) - 1))),
  withParameters("thresholded_relu", "alpha = F(0.5)", (v) => (v < 0.5 ? 0 : v)),
  withParameters("clamped_relu", "alpha = F(0.5), beta = F(1)", (v) =>
    v < 0 ? v / 2 : v > 1 ? 1 : v,
  ),
  withParameters("linear_activation", "alpha = F(0.5), beta = F(3)", (v) => v / 2 + 3),
  withParameters("scaled_tanh", "alpha = F(2), beta = F(0.5)", (v) => 2 * Math.tanh(v / 2)),
  withParameters("sigmoid_hard", "alpha = F(0.25), beta = F(0.5)", (v) =>
    clamped(v / 4 + 0.5, 0, 1),
  ),

  unary("relu", (v) => (v > 0 ? v : 0)),
  unary("relu6", (v) => clamped(v, 0, 6), "-3..9"),
  unary("sigmoid", sigmoid),
  unary("silu", (v) => v * sigmoid(v)),
  unary("softsign", (v) => v / (1 + Math.abs(v))),
  unary("softplus", (v) => Math.log(1 + Math.exp(v))),
  withParameters("gelu", 'mode = string("EXACT")', (v) => (v / 2) * (1 + erf(v / Math.SQRT2))),
  withParameters("gelu", 'mode = string("SIGMOID_APPROXIMATION")', (v) => v * sigmoid(1.702 * v)),
  withParameters(
    "gelu",
    'mode = string("TANH_APPROXIMATION")',
    (v) => v * sigmoid(2 * Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)),
  ),
  {
    op: "prelu",
    in: { x: "F 2,3,4", a: "F 3" },
    y: "prelu(x = x, alpha = a)",
    out: "F 2,3,4",
    at: ({ x, a }, n, c, h) => x!(n!, c!, h!) * (x!(n!, c!, h!) > 0 ? 1 : a!(c!)),
  },
  {
    op: "softplus_parametric",
    in: { x: "F 2,3,4", a: "F 3", b: "F 3" },
    y: "softplus_parametric(x = x, alpha = a, beta = b)",
    out: "F 2,3,4",
    at: ({ x, a, b }, n, c, h) => a!(c!) * Math.log(1 + Math.exp(b!(c!) * x!(n!, c!, h!))),
  },
];
