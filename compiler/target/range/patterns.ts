/**
 * Arithmetic whose parts depend on each other, found by how a program spells it.
 *
 *     x − max(x)                       never above 0
 *     x · (mean(x²) + ε)^-½            rms 1, at most √n
 *     e / Σ e                          between 0 and 1
 *
 * Taken part by part, each of them would look as if it could grow without bound.
 */
import type { Statement, Value } from "../../mil/tree.ts";
import { argument, isConstant, type MilView, numbersOf } from "../facts/walk.ts";

const THROUGH = new Set(["reshape", "expand_dims", "squeeze", "identity", "cast", "tile"]);

/** The statement behind a value, past ops that only change its shape. */
export function origin(view: MilView, value: Value | undefined): Statement | undefined {
  let s = value?.kind === "name" ? view.definitions.get(value.name) : undefined;
  while (s !== undefined && THROUGH.has(s.op)) {
    const x = argument(s, "x")?.value;
    s = x?.kind === "name" ? view.definitions.get(x.name) : undefined;
  }
  return s;
}

/** The name behind a value, past ops that only change its shape. */
function rootName(view: MilView, value: Value | undefined): string | undefined {
  let name = value?.kind === "name" ? value.name : undefined;
  for (let s = view.definitions.get(name ?? ""); s !== undefined && THROUGH.has(s.op); ) {
    const x = argument(s, "x")?.value;
    name = x?.kind === "name" ? x.name : undefined;
    s = view.definitions.get(name ?? "");
  }
  return name;
}

const arg = (s: Statement | undefined, name: string): Value | undefined =>
  s === undefined ? undefined : argument(s, name)?.value;

const same = (view: MilView, a: Value | undefined, b: Value | undefined): boolean => {
  const name = rootName(view, a);
  return name !== undefined && name === rootName(view, b);
};

/** x − max(x): the operand x. */
export function shiftedBelowZero(view: MilView, s: Statement): Value | undefined {
  const x = arg(s, "x");
  const top = origin(view, arg(s, "y"));
  return s.op === "sub" && top?.op === "reduce_max" && same(view, x, arg(top, "x")) ? x : undefined;
}

/** e / Σ e, or e · 1/Σ e: the operand e. */
export function shareOfSum(view: MilView, s: Statement): Value | undefined {
  const isSumOf = (e: Value | undefined, total: Statement | undefined): boolean =>
    total?.op === "reduce_sum" && same(view, e, arg(total, "x"));
  if (s.op === "real_div") {
    return isSumOf(arg(s, "x"), origin(view, arg(s, "y"))) ? arg(s, "x") : undefined;
  }
  if (s.op !== "mul") return undefined;
  for (const [e, other] of [
    ["x", "y"],
    ["y", "x"],
  ] as const) {
    const inverse = origin(view, arg(s, other));
    if (inverse?.op !== "inverse") continue;
    if (isSumOf(arg(s, e), origin(view, arg(inverse, "x")))) return arg(s, e);
  }
  return undefined;
}

/** x · 1/√(mean(x²) + ε), or with a sum: the operand x and which of the two. */
export function normalisedOperand(
  view: MilView,
  s: Statement,
): { readonly x: Value; readonly by: "mean" | "sum" } | undefined {
  if (s.op === "real_div") {
    const root = origin(view, arg(s, "y"));
    return root?.op === "sqrt" ? match(view, arg(s, "x"), arg(root, "x")) : undefined;
  }
  if (s.op !== "mul") return undefined;
  for (const [x, other] of [
    ["x", "y"],
    ["y", "x"],
  ] as const) {
    const r = origin(view, arg(s, other));
    const isRsqrt =
      r?.op === "rsqrt" || (r?.op === "pow" && numbersOf(view, arg(r, "y"), 1)?.[0] === -0.5);
    const found = isRsqrt ? match(view, arg(s, x), arg(r, "x")) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function match(
  view: MilView,
  x: Value | undefined,
  below: Value | undefined,
): { readonly x: Value; readonly by: "mean" | "sum" } | undefined {
  let reduced = origin(view, below);
  if (
    reduced?.op === "add" &&
    (isConstant(view, arg(reduced, "y")) || isConstant(view, arg(reduced, "x")))
  ) {
    const inner = isConstant(view, arg(reduced, "y")) ? "x" : "y";
    reduced = origin(view, arg(reduced, inner));
  }
  if (reduced === undefined || x === undefined) return undefined;
  if (reduced.op === "reduce_sum_square")
    return same(view, x, arg(reduced, "x")) ? { x, by: "sum" } : undefined;
  if (reduced.op !== "reduce_mean" && reduced.op !== "reduce_sum") return undefined;
  const squared = origin(view, arg(reduced, "x"));
  const isSquare =
    squared?.op === "square" ||
    (squared?.op === "mul" && same(view, arg(squared, "x"), arg(squared, "y"))) ||
    (squared?.op === "pow" && numbersOf(view, arg(squared, "y"), 1)?.[0] === 2);
  if (!isSquare || !same(view, x, arg(squared, "x"))) return undefined;
  return { x, by: reduced.op === "reduce_mean" ? "mean" : "sum" };
}
