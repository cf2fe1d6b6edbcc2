/**
 * The `dims` and `set` statements of a file, evaluated in order, with the overrides of `-D NAME=VALUE`.
 *
 * An override takes effect where the name is defined, so what is computed from it follows.
 */
import * as names from "../compiler/messages/names.ts";
import * as types from "../compiler/messages/types.ts";
import type { Reporter } from "../compiler/support/diagnostic.ts";
import type { Span } from "../compiler/support/source.ts";
import type { Binding, Expr, File } from "./ast.ts";
import { hyperParameters } from "./hyper_parameters.ts";
import { applyToNumbers, arithmetic, elementwiseOp } from "./numbers.ts";

export interface Header {
  readonly dims: ReadonlyMap<string, number>;
  readonly hyper: ReadonlyMap<string, number>;
}

export type Overrides = Readonly<Record<string, number>>;

const LARGEST_DIMENSION = 2 ** 31;

/** The value of an expression of numbers; undefined after a report. */
export function evaluateNumber(
  expr: Expr,
  lookup: ReadonlyMap<string, number>,
  reporter: Reporter,
): number | undefined {
  const value = evaluate(expr, lookup, reporter);
  if (value === undefined || Number.isFinite(value)) return value;
  reporter.report(types.notFinite(expr.span, value));
  return undefined;
}

function evaluate(
  expr: Expr,
  lookup: ReadonlyMap<string, number>,
  reporter: Reporter,
): number | undefined {
  const refuse = (found: string): undefined => {
    reporter.report(types.needsNumber(expr.span, "this", found));
    return undefined;
  };
  switch (expr.kind) {
    case "number":
      return expr.value;
    case "name": {
      const value = lookup.get(expr.name);
      if (value === undefined)
        reporter.report(names.unknownDimension(expr.span, expr.name, [...lookup.keys()]));
      return value;
    }
    case "group":
      return evaluate(expr.inner, lookup, reporter);
    case "negate": {
      const value = evaluate(expr.operand, lookup, reporter);
      return value === undefined ? undefined : -value;
    }
    case "binary": {
      if (expr.op === "@") return refuse("a matrix product");
      const a = evaluate(expr.left, lookup, reporter);
      const b = evaluate(expr.right, lookup, reporter);
      return a === undefined || b === undefined ? undefined : arithmetic(expr.op, a, b);
    }
    case "call": {
      const op = expr.label === undefined ? elementwiseOp(expr.callee.text) : undefined;
      if (op === undefined || op.operands.length !== expr.args.length) return refuse("a call");
      const args = expr.args.map((a) => evaluate(a.value, lookup, reporter));
      const known = args.filter((a) => a !== undefined);
      return known.length < args.length ? undefined : applyToNumbers(op, known);
    }
    case "as":
    case "transpose":
    case "member":
      return refuse("a value");
    case "string":
      return refuse("a text");
    case "broken":
      return undefined;
    default:
      return expr satisfies never;
  }
}

function isDimension(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= LARGEST_DIMENSION;
}

/** Evaluates the header; what is wrong is reported and left out. */
export function readHeader(file: File, overrides: Overrides, reporter: Reporter): Header {
  const dims = new Map<string, number>();
  const places = new Map<string, Span>();
  const firstTime = (what: string, { name }: Binding): boolean => {
    const before = places.get(name.text);
    if (before !== undefined)
      reporter.report(names.definedTwice(name.span, what, name.text, before));
    else places.set(name.text, name.span);
    return before === undefined;
  };

  for (const item of file.items) {
    if (item.kind !== "dims") continue;
    for (const binding of item.bindings) {
      if (!firstTime("dimension", binding)) continue;
      const name = binding.name.text;
      const override = overrides[name];
      const value = override ?? evaluateNumber(binding.value, dims, reporter);
      const isGood = value !== undefined && isDimension(value);
      // After a mistake the name exists all the same, so that it is not reported again.
      dims.set(name, isGood ? value : 1);
      if (value === undefined || isGood) continue;
      const text = override === undefined ? "" : `set to ${override} from outside`;
      reporter.report(types.badDimension(binding.value.span, name, value, text));
    }
  }

  const hyper = new Map<string, number>();
  for (const { name, default: value } of hyperParameters)
    hyper.set(name, overrides[name] ?? value(dims));
  for (const item of file.items) {
    if (item.kind !== "set") continue;
    for (const binding of item.bindings) {
      const { text, span } = binding.name;
      if (!hyper.has(text)) {
        reporter.report(names.unknownSetting(span, text, "hyper-parameter", [...hyper.keys()]));
        continue;
      }
      if (!firstTime("hyper-parameter", binding)) continue;
      const value = evaluateNumber(binding.value, new Map([...dims, ...hyper]), reporter);
      if (value !== undefined) hyper.set(text, overrides[text] ?? value);
    }
  }

  const known = [...dims.keys(), ...hyper.keys()];
  for (const name of Object.keys(overrides)) {
    if (known.includes(name)) continue;
    reporter.report(names.unknownSetting(undefined, name, "dimension or hyper-parameter", known));
  }
  return { dims, hyper };
}
