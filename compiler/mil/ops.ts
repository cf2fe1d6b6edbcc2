/**
 * The MIL ops that anec emits: their arguments, and how the type of the result follows.
 *
 * The builder, the checker and the interpreter all read this table. An op that is not in it may
 * still occur in a program of another tool: it is parsed, printed, and left alone by the checker.
 */
import {
  binary,
  concat,
  expandDims,
  gather,
  like,
  type Mistake,
  matmul,
  type Operands,
  type Rule,
  reduce,
  reshape,
  type Shaped,
  select,
  sliceBySize,
  softmax,
  squeeze,
  tile,
  transpose,
} from "./infer.ts";
import { isElementType } from "./tree.ts";

/**
 * What an argument holds. Values: `floats`, `numbers` (floats or integers), `wholes` (integers),
 * `bools` or `values` (any of them). Parameters, which are constants in all programs that run on
 * the engine: `ints` (rank 1), `int`, `flag`, `text`, and `scalar` (one float).
 */
export type ArgumentKind =
  | "floats"
  | "numbers"
  | "wholes"
  | "bools"
  | "values"
  | "ints"
  | "int"
  | "flag"
  | "text"
  | "scalar";

export interface ArgumentSpec {
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly required: boolean;
  /** Written `(a, b, …)`. */
  readonly many: boolean;
}

export interface MilOp {
  readonly name: string;
  readonly doc: string;
  readonly args: readonly ArgumentSpec[];
  /** The type of the one result. All parameters among the operands must be known. */
  readonly rule: Rule;
}

/** `x: floats`, `axes: ints?` (optional), `values: values*` (several). */
function op(name: string, args: string, rule: Rule, doc: string): MilOp {
  const specs = args.split(", ").map((text): ArgumentSpec => {
    const [arg = "", kind = ""] = text.split(": ");
    const bare = kind.replace(/[?*]$/, "") as ArgumentKind;
    return { name: arg, kind: bare, required: !kind.endsWith("?"), many: kind.endsWith("*") };
  });
  return { name, doc, args: specs, rule };
}

const cast: Rule = (operands: Operands): Shaped | Mistake => {
  const x = operands.get("x")![0]!;
  const dtype = operands.get("dtype")![0]!.text ?? "";
  if (isElementType(dtype)) return { element: dtype, shape: x.shape };
  return {
    argument: "dtype",
    expected: "must be an element type",
    given: [["dtype", `"${dtype}"`]],
  };
};

/** In the order of the documentation. */
export const MIL_OPS: readonly MilOp[] = [
  op("identity", "x: values", like("x"), "x"),
  op("cast", "x: values, dtype: text", cast, "x with other elements; to integers towards zero"),
  op("slice_by_size", "x: values, begin: ints, size: ints", sliceBySize, "a box of x"),
  op("reshape", "x: values, shape: ints", reshape, "the elements of x in row-major order"),
  op("transpose", "x: values, perm: ints", transpose, "dimension i of the result is perm[i] of x"),
  op("expand_dims", "x: values, axes: ints", expandDims, "x with new dimensions of one element"),
  op("squeeze", "x: values, axes: ints?", squeeze, "x without dimensions of one element"),
  op(
    "concat",
    "values: values*, axis: int, interleave: flag?",
    concat,
    "the values one after another",
  ),
  op("tile", "x: values, reps: ints", tile, "x repeated reps[i] times along dimension i"),
  op(
    "gather",
    "x: values, indices: wholes, axis: int?, batch_dims: int?, validate_indices: flag?",
    gather,
    "the slices of x at the indices",
  ),
  op("matmul", "x: numbers, y: numbers, transpose_x: flag?, transpose_y: flag?", matmul, "x · y"),

  op("add", "x: numbers, y: numbers", binary(), "x + y"),
  op("sub", "x: numbers, y: numbers", binary(), "x − y"),
  op("mul", "x: numbers, y: numbers", binary(), "x · y, element by element"),
  op("real_div", "x: floats, y: floats", binary(), "x / y"),
  op("pow", "x: floats, y: floats", binary(), "x to the power y"),
  op("maximum", "x: numbers, y: numbers", binary(), "the larger of x and y"),
  op("minimum", "x: numbers, y: numbers", binary(), "the smaller of x and y"),
  op("equal", "x: numbers, y: numbers", binary("bool"), "x = y"),
  op("not_equal", "x: numbers, y: numbers", binary("bool"), "x ≠ y"),
  op("less", "x: numbers, y: numbers", binary("bool"), "x < y"),
  op("less_equal", "x: numbers, y: numbers", binary("bool"), "x ≤ y"),
  op("greater", "x: numbers, y: numbers", binary("bool"), "x > y"),
  op("greater_equal", "x: numbers, y: numbers", binary("bool"), "x ≥ y"),
  op("select", "cond: bools, a: values, b: values", select, "a where cond holds, b elsewhere"),

  op("abs", "x: numbers", like("x"), "|x|"),
  op("square", "x: numbers", like("x"), "x²"),
  op("relu", "x: numbers", like("x"), "max(x, 0)"),
  op("sqrt", "x: floats", like("x"), "√x"),
  op("exp", "x: floats", like("x"), "eˣ"),
  op("erf", "x: floats", like("x"), "2/√π · ∫₀ˣ exp(−t²) dt"),
  op("tanh", "x: floats", like("x"), "tanh x"),
  op("sigmoid", "x: floats", like("x"), "1 / (1 + e⁻ˣ)"),
  op("silu", "x: floats", like("x"), "x · sigmoid(x)"),
  // Without `epsilon` the engine's compiler refuses these two, and without `mode` this one.
  op("rsqrt", "x: floats, epsilon: scalar", like("x"), "1 / √(x + epsilon)"),
  op("log", "x: floats, epsilon: scalar", like("x"), "ln(x + epsilon)"),
  op("gelu", "x: floats, mode: text", like("x"), "x · Φ(x), exactly or by tanh or sigmoid"),

  op("reduce_sum", "x: numbers, axes: ints?, keep_dims: flag?", reduce, "the sum over axes"),
  op("reduce_mean", "x: numbers, axes: ints?, keep_dims: flag?", reduce, "the mean over axes"),
  op("reduce_max", "x: numbers, axes: ints?, keep_dims: flag?", reduce, "the largest over axes"),
  op("reduce_min", "x: numbers, axes: ints?, keep_dims: flag?", reduce, "the smallest over axes"),
  op("softmax", "x: floats, axis: int?", softmax, "eˣ / Σ eˣ along axis"),
];

const byName: ReadonlyMap<string, MilOp> = new Map(MIL_OPS.map((o) => [o.name, o]));

/** The op called `name`, if the table has it. */
export function milOp(name: string): MilOp | undefined {
  return byName.get(name);
}

const FLOATS = ["fp16", "fp32", "fp64", "bf16"];

/** Whether elements of a type may stand for an argument of `kind`. */
export function accepts(kind: ArgumentKind, element: string): boolean {
  switch (kind) {
    case "floats":
    case "scalar":
      return FLOATS.includes(element);
    case "numbers":
      return element !== "bool" && element !== "string";
    case "wholes":
    case "ints":
    case "int":
      return !FLOATS.includes(element) && element !== "bool" && element !== "string";
    case "bools":
    case "flag":
      return element === "bool";
    case "values":
      return element !== "string";
    case "text":
      return element === "string";
    default:
      return kind satisfies never;
  }
}

const WORDS: Readonly<Record<ArgumentKind, string>> = {
  floats: "floating-point",
  scalar: "one floating-point number",
  numbers: "numbers",
  wholes: "integers",
  ints: "a list of integers",
  int: "one integer",
  bools: "bool",
  flag: "one bool",
  values: "numbers or bools",
  text: "a string",
};

/** An argument's kind in words. */
export function kindWords(kind: ArgumentKind): string {
  return WORDS[kind];
}

/** Whether an argument is a parameter, whose value decides what the op computes. */
export function isParameter(kind: ArgumentKind): boolean {
  return kind === "ints" || kind === "int" || kind === "flag" || kind === "text";
}

/** The rank an argument of `kind` must have, if it must have one. */
export function rankOf(kind: ArgumentKind): number | undefined {
  if (kind === "ints") return 1;
  return kind === "int" || kind === "flag" || kind === "text" || kind === "scalar" ? 0 : undefined;
}
