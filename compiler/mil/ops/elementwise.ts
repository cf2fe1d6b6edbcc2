/** Ops that compute each element from the elements at the same place. */
import { erfOf } from "../../ops/erf.ts";
import {
  type Answer,
  broadcast,
  like,
  mistake,
  type Operands,
  one,
  type Rule,
  textOf,
} from "../infer.ts";
import { roundHalfAway } from "../special.ts";
import { broadcastTo, type LoadedOperands, type Meaning } from "../tensors.ts";
import { type ElementType, isElementType } from "../tree.ts";
import { type MilOp, type OpOptions, op, perElement } from "./define.ts";

/** x and y have one element type and broadcast; the result has `element`, or theirs. */
const binaryRule =
  (element?: ElementType): Rule =>
  (o) => {
    const x = one(o, "x");
    const y = one(o, "y");
    if (x.element !== y.element) return mistake("y", `must have the elements of \`x\``, { x, y });
    const shape = broadcast(x.shape, y.shape);
    if (shape === undefined) return mistake("y", "does not broadcast with `x`", { x, y });
    return { element: element ?? x.element, shape };
  };

/** The three broadcast; a and b have one element type. */
const selectRule: Rule = (o) => {
  const [cond, a, b] = [one(o, "cond"), one(o, "a"), one(o, "b")];
  if (a.element !== b.element) return mistake("b", "must have the elements of `a`", { a, b });
  const both = broadcast(a.shape, b.shape);
  if (both === undefined) return mistake("b", "does not broadcast with `a`", { a, b });
  const shape = broadcast(cond.shape, both);
  if (shape === undefined)
    return mistake("cond", "does not broadcast with `a` and `b`", { cond, a, b });
  return { element: a.element, shape };
};

const castRule =
  (argument: string, parameter: string): Rule =>
  (operands: Operands): Answer => {
    const dtype = textOf(operands, parameter, "");
    if (isElementType(dtype) && dtype !== "string")
      return { element: dtype, shape: one(operands, argument).shape };
    const given: readonly [string, string] = [parameter, `"${dtype}"`];
    return { argument: parameter, expected: "must be an element type", given: [given] };
  };

const unary =
  (f: (x: number) => number): Meaning =>
  (o) =>
    one(o, "x").data.map(f);

const binary =
  (f: (x: number, y: number) => number): Meaning =>
  (o, out) => {
    const y = broadcastTo(one(o, "y"), out.shape);
    return broadcastTo(one(o, "x"), out.shape).map((x, i) => f(x, y[i]!));
  };

const withEpsilon =
  (f: (x: number) => number): Meaning =>
  (o) => {
    const epsilon = one(o, "epsilon").data[0]!;
    return one(o, "x").data.map((x) => f(x + epsilon));
  };

const select: Meaning = (o, out) => {
  const [a, b] = [broadcastTo(one(o, "a"), out.shape), broadcastTo(one(o, "b"), out.shape)];
  return broadcastTo(one(o, "cond"), out.shape).map((c, i) => (c !== 0 ? a[i]! : b[i]!));
};

/** Towards zero and into the range of the type; bools are what is not zero. */
const cast =
  (argument: string): Meaning =>
  (o: LoadedOperands, out) =>
    one(o, argument).data.map(converter(out.element));

/** How numbers become elements of a type: towards zero and into its range. */
export function converter(element: ElementType): (x: number) => number {
  if (element === "bool") return (x) => (x !== 0 ? 1 : 0);
  const range = integerRange(element);
  if (range === undefined) return (x) => x;
  const [low, high] = range;
  return (x) => (Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x))) + 0);
}

/** The smallest and largest number of an integer type; undefined for other types. */
export function integerRange(element: ElementType): readonly [number, number] | undefined {
  const size = /^(u?)int(\d+)$/.exec(element);
  if (size === null) return undefined;
  const bits = Number(size[2]);
  return size[1] === "u" ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

const each: OpOptions = { flops: perElement(1) };

/** An op of one operand; `kind` is the kind of its operand. */
function one1(name: string, kind: string, doc: string, f: (x: number) => number): MilOp {
  return op(name, `x: ${kind}`, like("x"), doc, { ...each, run: unary(f) });
}

function arithmetic(
  name: string,
  kind: string,
  doc: string,
  f: (x: number, y: number) => number,
): MilOp {
  return op(name, `x: ${kind}, y: ${kind}`, binaryRule(), doc, { ...each, run: binary(f) });
}

function comparison(name: string, doc: string, f: (x: number, y: number) => boolean): MilOp {
  const run = binary((x, y) => (f(x, y) ? 1 : 0));
  return op(name, "x: numbers, y: numbers", binaryRule("bool"), doc, { ...each, run });
}

function logical(name: string, doc: string, f: (x: boolean, y: boolean) => boolean): MilOp {
  const run = binary((x, y) => (f(x !== 0, y !== 0) ? 1 : 0));
  return op(name, "x: bools, y: bools", binaryRule(), doc, { ...each, run });
}

export const ELEMENTWISE: readonly MilOp[] = [
  op("identity", "x: values", like("x"), "x", { run: unary((x) => x) }),
  op(
    "cast",
    "x: values, dtype: text",
    castRule("x", "dtype"),
    "x with other elements; to integers towards zero",
    {
      ...each,
      run: cast("x"),
    },
  ),
  op(
    "constexpr_cast",
    "source_val: values, output_dtype: text",
    castRule("source_val", "output_dtype"),
    "a constant with other elements",
    { run: cast("source_val") },
  ),

  arithmetic("add", "numbers", "x + y", (x, y) => x + y),
  arithmetic("sub", "numbers", "x − y", (x, y) => x - y),
  arithmetic("mul", "numbers", "x · y, element by element", (x, y) => x * y),
  arithmetic("real_div", "numbers", "x / y", (x, y) => x / y),
  arithmetic("floor_div", "numbers", "⌊x / y⌋", (x, y) => Math.floor(x / y)),
  arithmetic("mod", "numbers", "x − y · ⌊x / y⌋", (x, y) => x - y * Math.floor(x / y)),
  arithmetic("pow", "numbers", "x to the power y", (x, y) => x ** y),
  arithmetic("maximum", "numbers", "the larger of x and y", Math.max),
  arithmetic("minimum", "numbers", "the smaller of x and y", Math.min),
  comparison("equal", "x = y", (x, y) => x === y),
  comparison("not_equal", "x ≠ y", (x, y) => x !== y),
  comparison("less", "x < y", (x, y) => x < y),
  comparison("less_equal", "x ≤ y", (x, y) => x <= y),
  comparison("greater", "x > y", (x, y) => x > y),
  comparison("greater_equal", "x ≥ y", (x, y) => x >= y),
  logical("logical_and", "x and y", (x, y) => x && y),
  logical("logical_or", "x or y", (x, y) => x || y),
  logical("logical_xor", "either x or y", (x, y) => x !== y),
  one1("logical_not", "bools", "not x", (x) => (x === 0 ? 1 : 0)),
  op("select", "cond: bools, a: values, b: values", selectRule, "a where cond holds, b elsewhere", {
    ...each,
    run: select,
  }),

  one1("abs", "numbers", "|x|", Math.abs),
  one1("neg", "numbers", "−x", (x) => -x),
  one1("sign", "numbers", "−1, 0 or 1", Math.sign),
  one1("square", "numbers", "x²", (x) => x * x),
  one1("sqrt", "floats", "√x", Math.sqrt),
  one1("exp", "floats", "eˣ", Math.exp),
  one1("exp2", "numbers", "2ˣ", (x) => 2 ** x),
  one1("erf", "floats", "2/√π · ∫₀ˣ exp(−t²) dt", erfOf),
  one1("floor", "floats", "the next whole number below", Math.floor),
  one1("ceil", "floats", "the next whole number above", Math.ceil),
  // coremltools rounds halves to even; the engine is reported to round them away from zero (ANEForge).
  one1("round", "floats", "the nearest whole number, halves away from zero", roundHalfAway),
  one1("sin", "floats", "sin x", Math.sin),
  one1("cos", "floats", "cos x", Math.cos),
  one1("tan", "floats", "tan x", Math.tan),
  one1("asin", "floats", "arcsin x", Math.asin),
  one1("acos", "floats", "arccos x", Math.acos),
  one1("atan", "floats", "arctan x", Math.atan),
  one1("sinh", "floats", "sinh x", Math.sinh),
  one1("cosh", "floats", "cosh x", Math.cosh),
  one1("tanh", "floats", "tanh x", Math.tanh),
  one1("asinh", "floats", "arsinh x", Math.asinh),
  one1("acosh", "floats", "arcosh x", Math.acosh),
  one1("atanh", "floats", "artanh x", Math.atanh),
  // Without `epsilon` the engine's compiler refuses these three.
  op("rsqrt", "x: floats, epsilon: scalar", like("x"), "1 / √(x + epsilon)", {
    ...each,
    run: withEpsilon((x) => 1 / Math.sqrt(x)),
  }),
  op("log", "x: floats, epsilon: scalar", like("x"), "ln(x + epsilon)", {
    ...each,
    run: withEpsilon(Math.log),
  }),
  op("inverse", "x: floats, epsilon: scalar", like("x"), "1 / (x + epsilon)", {
    ...each,
    run: withEpsilon((x) => 1 / x),
  }),
  op(
    "clip",
    "x: numbers, alpha: number, beta: number",
    like("x"),
    "x, at least alpha and at most beta",
    {
      ...each,
      run: (o) => {
        const [low, high] = [one(o, "alpha").data[0]!, one(o, "beta").data[0]!];
        return one(o, "x").data.map((x) => Math.min(high, Math.max(low, x)));
      },
    },
  ),
  op("threshold", "x: numbers, alpha: number", like("x"), "max(x, alpha)", {
    ...each,
    run: (o) => one(o, "x").data.map((x) => Math.max(x, one(o, "alpha").data[0]!)),
  }),
];
