/** Expressions to values. Names are known to exist (`names.ts`); shapes are checked here. */
import type { Node } from "../compiler/ir/node.ts";
import { type Dim, dim, productDim } from "../compiler/ir/types.ts";
import * as names from "../compiler/messages/names.ts";
import * as types from "../compiler/messages/types.ts";
import { add } from "../compiler/ops/add.ts";
import { type Arg, constant } from "../compiler/ops/define.ts";
import { div } from "../compiler/ops/div.ts";
import { matmul } from "../compiler/ops/matmul.ts";
import { mul } from "../compiler/ops/mul.ts";
import { neg } from "../compiler/ops/neg.ts";
import { sub } from "../compiler/ops/sub.ts";
import { swapLastTwo } from "../compiler/ops/transpose.ts";
import type { BinaryOp, CallExpr, Expr } from "./ast.ts";
import {
  type Context,
  countStep,
  type Frame,
  type Maybe,
  making,
  numberNamed,
  scopeWith,
  type Value,
} from "./context.ts";
import type { Attribute, AttributeValue, BuiltIn } from "./functions.ts";
import type { LayerRef } from "./library.ts";
import { applyToNumbers, arithmetic, elementwiseOp } from "./numbers.ts";
import { rearrange, share } from "./rearrange.ts";
import { lookupDim, resolveDims } from "./signatures.ts";

/** Calls a layer: given by `bodies.ts`, which needs the evaluation of expressions in turn. */
export type CallLayer = (
  context: Context,
  frame: Frame,
  call: CallExpr,
  layer: LayerRef,
  args: readonly Maybe<Value>[],
) => Maybe<Value>;

const numberValue = (value: number): Value => ({ kind: "number", value });

export function describe(value: Value): string {
  return value.kind === "node"
    ? "a value"
    : value.kind === "text"
      ? `"${value.value}"`
      : String(value.value);
}

/** A number as a constant of the graph; a text is refused. */
export function toNode(context: Context, expr: Expr, value: Value): Maybe<Node> {
  if (value.kind === "node") return value.node;
  if (value.kind === "number") return constant(context.builder.nodes, value.value);
  context.reporter.report(types.needsValue(expr.span, describe(value), "a value"));
  return undefined;
}

function finite(context: Context, expr: Expr, value: number): Maybe<Value> {
  if (Number.isFinite(value)) return numberValue(value);
  context.reporter.report(types.notFinite(expr.span, value));
  return undefined;
}

const NODE_OPS: Readonly<Record<BinaryOp, (x: Arg, y: Arg) => Node>> = {
  "+": add,
  "-": sub,
  "*": mul,
  "/": div,
  "@": (x, y) => matmul(x as Node, y as Node),
};

/** `left op right` on values; the operands are given for messages. */
export function binaryValue(
  context: Context,
  frame: Frame,
  op: BinaryOp,
  whole: Expr,
  operands: readonly [Expr, Expr],
  left: Value,
  right: Value,
): Maybe<Value> {
  if (left.kind === "number" && right.kind === "number" && op !== "@") {
    return finite(context, whole, arithmetic(op, left.value, right.value)!);
  }
  const args: Arg[] = [];
  for (const [i, value] of [left, right].entries()) {
    const arg =
      value.kind === "number" && op !== "@" ? value.value : toNode(context, operands[i]!, value);
    if (arg === undefined) return undefined;
    args.push(arg);
  }
  return making(context, frame, whole, operands, () => NODE_OPS[op](args[0]!, args[1]!));
}

function nameValue(context: Context, frame: Frame, name: string): Maybe<Value> {
  const scope = scopeWith(frame, name);
  if (scope !== undefined) return scope.get(name);
  const number = numberNamed(context, frame, name);
  return number === undefined ? undefined : numberValue(number);
}

/** The parameter `embed.weight` of a call made before in this scope. */
function memberValue(
  context: Context,
  frame: Frame,
  { path, span }: Expr & { kind: "member" },
): Maybe<Value> {
  const [first, ...rest] = path.map((p) => p.text);
  const instance = frame.instances.findLast((level) => level.has(first!))?.get(first!);
  const full = [instance ?? context.builder.pathOf(first!), ...rest].filter((p) => p !== "");
  const node = context.builder.parameter(full.join("."));
  if (node !== undefined) return { kind: "node", node };
  const why =
    "A call inside a `repeat` owns parameters for each iteration; from outside none is meant.";
  context.reporter.report(names.unknownParameter(span, [first, ...rest].join("."), why, []));
  return undefined;
}

/** The value of an expression; nothing after a mistake. */
export function evaluate(
  context: Context,
  frame: Frame,
  expr: Expr,
  callLayer: CallLayer,
): Maybe<Value> {
  const value = evaluated(context, frame, expr, callLayer);
  if (value !== undefined) context.watch?.(expr.span, value);
  return value;
}

function evaluated(context: Context, frame: Frame, expr: Expr, callLayer: CallLayer): Maybe<Value> {
  countStep(context, expr.span);
  switch (expr.kind) {
    case "number":
      return numberValue(expr.value);
    case "string":
      return { kind: "text", value: expr.value };
    case "name":
      return nameValue(context, frame, expr.name);
    case "member":
      return memberValue(context, frame, expr);
    case "group":
      return evaluate(context, frame, expr.inner, callLayer);
    case "negate": {
      const value = evaluate(context, frame, expr.operand, callLayer);
      if (value === undefined) return undefined;
      if (value.kind === "number") return numberValue(-value.value);
      const node = toNode(context, expr.operand, value);
      return node && making(context, frame, expr, [expr.operand], () => neg(node));
    }
    case "transpose": {
      const value = evaluate(context, frame, expr.operand, callLayer);
      const node = value && toNode(context, expr.operand, value);
      return node && making(context, frame, expr, [expr.operand], () => swapLastTwo(node));
    }
    case "as": {
      const value = evaluate(context, frame, expr.operand, callLayer);
      const node = value && toNode(context, expr.operand, value);
      const dims = resolveDims(frame.dimensions, expr.dims);
      if (node === undefined || dims === undefined) return undefined;
      return making(
        context,
        frame,
        expr,
        [expr.operand],
        () => rearrange(node, dims),
        expr.dimsSpan,
      );
    }
    case "binary": {
      const left = evaluate(context, frame, expr.left, callLayer);
      const right = evaluate(context, frame, expr.right, callLayer);
      if (left === undefined || right === undefined) return undefined;
      return binaryValue(context, frame, expr.op, expr, [expr.left, expr.right], left, right);
    }
    case "call":
      return callValue(context, frame, expr, callLayer);
    case "broken":
      return undefined;
    default:
      return expr satisfies never;
  }
}

function callValue(
  context: Context,
  frame: Frame,
  call: CallExpr,
  callLayer: CallLayer,
): Maybe<Value> {
  const { builtin, callee: name } = call;
  const callee = context.library.resolve(name.text, { builtin, isStd: frame.isStd });
  switch (callee?.kind) {
    case "layer": {
      const args = call.args.map((a) => evaluate(context, frame, a.value, callLayer));
      return callLayer(context, frame, call, callee.layer, args);
    }
    case "op":
      return opValue(context, frame, call, callee.op, callLayer);
    case "dimensions":
      return dimensionCall(context, frame, call, callLayer);
    case undefined:
      return undefined;
    default:
      return callee satisfies never;
  }
}

function opValue(
  context: Context,
  frame: Frame,
  call: CallExpr,
  op: BuiltIn,
  callLayer: CallLayer,
): Maybe<Value> {
  const exprs = call.args.filter((a) => a.name === undefined).map((a) => a.value);
  const values = exprs.map((e) => evaluate(context, frame, e, callLayer));
  const attributes = attributesOf(context, frame, call, op, callLayer);
  const known = values.filter((v) => v !== undefined);
  if (attributes === undefined || known.length < values.length) return undefined;

  const numbers = known.filter((v) => v.kind === "number").map((v) => v.value);
  const onNumbers = elementwiseOp(op.op);
  if (onNumbers !== undefined && numbers.length === known.length) {
    return finite(context, call, applyToNumbers(onNumbers, numbers));
  }
  const nodes = known.map((v, i) => toNode(context, exprs[i]!, v)).filter((n) => n !== undefined);
  if (nodes.length < known.length) return undefined;
  return making(context, frame, call, exprs, () => op.build(nodes, attributes));
}

/** Given attributes and the defaults of the others. */
function attributesOf(
  context: Context,
  frame: Frame,
  call: CallExpr,
  op: BuiltIn,
  callLayer: CallLayer,
): Maybe<Record<string, AttributeValue>> {
  const result: Record<string, AttributeValue> = {};
  let isComplete = true;
  for (const { name, kind, fallback } of op.attributes) {
    const given = call.args.find((a) => a.name?.text === name);
    if (given === undefined) {
      const value =
        typeof fallback === "object"
          ? hyperValue(context, call, op, { name, kind, hyper: fallback.hyper })
          : fallback;
      if (value !== undefined) result[name] = value;
      isComplete &&= value !== undefined || fallback === undefined;
      continue;
    }
    const value = evaluate(context, frame, given.value, callLayer);
    if (value === undefined) {
      isComplete = false;
    } else if (kind === "number") {
      if (value.kind === "number") result[name] = value.value;
      else
        context.reporter.report(
          types.needsNumber(given.value.span, `\`${name}\``, describe(value)),
        );
      isComplete &&= value.kind === "number";
    } else {
      const isOne = value.kind === "text" && kind.includes(value.value);
      if (isOne) result[name] = value.value;
      else {
        const needs = kind.map((k) => `"${k}"`).join(" or ");
        context.reporter.report(
          types.wrongAttribute(given.value.span, op.name, name, describe(value), needs),
        );
      }
      isComplete &&= isOne;
    }
  }
  return isComplete ? result : undefined;
}

interface HyperAttribute extends Pick<Attribute, "name" | "kind"> {
  readonly hyper: string;
}

/** What a hyper-parameter makes of an attribute: its number, or the text of that number. */
function hyperValue(
  context: Context,
  call: CallExpr,
  op: BuiltIn,
  { name, kind, hyper }: HyperAttribute,
): Maybe<AttributeValue> {
  const value = context.header.hyper.get(hyper);
  if (kind === "number" || value === undefined) return value;
  const text = kind[value];
  if (text === undefined) {
    const needs = kind.map((_, i) => String(i)).join(" or ");
    const given = `${hyper} = ${value}`;
    context.reporter.report(types.wrongAttribute(call.span, op.name, name, given, needs));
  }
  return text;
}

/** An expression read as a dimension: a name, a whole number, or a product of them. */
function dimensionOf(frame: Frame, expr: Expr): Dim | undefined {
  if (expr.kind === "group") return dimensionOf(frame, expr.inner);
  if (expr.kind === "name") return lookupDim(frame.dimensions, expr.name);
  if (expr.kind === "number")
    return Number.isInteger(expr.value) && expr.value > 0 ? dim(null, expr.value) : undefined;
  if (expr.kind !== "binary" || expr.op !== "*") return undefined;
  const left = dimensionOf(frame, expr.left);
  const right = dimensionOf(frame, expr.right);
  return left === undefined || right === undefined ? undefined : productDim([left, right]);
}

/** `share(k, H)` and `causal(S)`. */
function dimensionCall(
  context: Context,
  frame: Frame,
  call: CallExpr,
  callLayer: CallLayer,
): Maybe<Value> {
  const isShare = call.callee.text === "share";
  const last = call.args.at(-1)?.value;
  const operand = isShare ? call.args[0]?.value : undefined;
  const value = operand && evaluate(context, frame, operand, callLayer);
  const node = value && operand && toNode(context, operand, value);
  if (last === undefined) return undefined;
  const dimension = dimensionOf(frame, last);
  if (dimension === undefined) {
    context.reporter.report(types.needsDimension(last.span, call.callee.text));
    return undefined;
  }
  if (!isShare) return making(context, frame, call, [], () => context.builder.causal(dimension));
  if (node === undefined || operand === undefined) return undefined;
  return making(context, frame, call, [operand], () => share(node, dimension));
}
