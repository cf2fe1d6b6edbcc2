/** Bodies and calls: statements in order, `repeat` unfolded, parameters named after the calls that own them. */
import type { Graph } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { type Dim, dim, elementCount, sameType, type TensorType } from "../compiler/ir/types.ts";
import * as names from "../compiler/messages/names.ts";
import * as types from "../compiler/messages/types.ts";
import type { Reporter } from "../compiler/support/diagnostic.ts";
import type { CallExpr, Expr, LayerItem, Statement, TrainItem, TypeExpr } from "./ast.ts";
import { Builder, defaultInit, type Init } from "./builder.ts";
import {
  type Context,
  type Frame,
  type Maybe,
  makeFrame,
  scopeWith,
  type Value,
  type Watch,
} from "./context.ts";
import { binaryValue, describe, evaluate, toNode } from "./expressions.ts";
import type { Header } from "./header.ts";
import { ownershipIn, segmentOf } from "./instances.ts";
import type { LayerRef, Library } from "./library.ts";
import { named } from "./rearrange.ts";
import { bindArgument, dimensionsOf, resolveType, typeExprText } from "./signatures.ts";

const value = (context: Context, frame: Frame, expr: Expr): Maybe<Value> =>
  evaluate(context, frame, expr, callLayer);

function callLayer(
  context: Context,
  frame: Frame,
  call: CallExpr,
  layer: LayerRef,
  args: readonly Maybe<Value>[],
): Maybe<Value> {
  const { item, isStd } = layer;
  const dimensions = dimensionsOf(context.header.dims, item.variables);
  const inner = makeFrame(item.kind, isStd, dimensions);
  let fits = true;
  for (const [i, arg] of item.args.entries()) {
    const [given, expr] = [args[i], call.args[i]?.value];
    const node = given && expr && toNode(context, expr, given);
    if (node === undefined || expr === undefined) {
      fits = false;
      continue;
    }
    const problem = bindArgument(dimensions, arg.type, node.type);
    if (problem !== undefined) {
      const operand = { span: expr.span, type: node.type };
      const declared = typeExprText(arg.type);
      context.reporter.report(
        types.argumentDoesNotFit(item.name.text, arg.name.text, declared, operand, problem.why),
      );
      fits = false;
      continue;
    }
    const type = resolveType(dimensions, arg.type);
    inner.scopes[0]!.set(arg.name.text, {
      kind: "node",
      node: type ? named(node, type.shape) : node,
    });
  }
  if (!fits) return undefined;

  const isRoot = item.kind === "model" && frame.kind === "train" && call.label === undefined;
  const segment = segmentOf(call);
  const path = isRoot ? "" : context.builder.pathOf(segment);
  if (context.owns(layer)) {
    const before = context.owners.get(path);
    if (before !== undefined) {
      context.reporter.report(
        names.ambiguousInstance(call.span, segment, before, call.callee.text),
      );
      return undefined;
    }
    context.owners.set(path, call.span);
  }
  const run = () => runBody(context, inner, item.body);
  const result = isRoot ? run() : context.builder.scope(segment, run);
  frame.instances.at(-1)!.set(segment, path);
  return result && checkResult(context, inner, item, result);
}

/** What `return` gave against the declared type. */
function checkResult(
  context: Context,
  frame: Frame,
  item: LayerItem,
  result: Result,
): Maybe<Value> {
  const node = toNode(context, result.expr, result.value);
  const declared = resolveType(frame.dimensions, item.result);
  if (node === undefined || declared === undefined) return undefined;
  if (!sameType(node.type, declared)) {
    const found = { span: result.expr.span, type: node.type };
    context.reporter.report(
      types.resultDoesNotFit(item.name.text, found, declared, item.result.span),
    );
    return undefined;
  }
  return { kind: "node", node: named(node, declared.shape) };
}

interface Result {
  readonly value: Value;
  readonly expr: Expr;
}

/** Runs the statements of a body; the value of its `return` or `loss`. */
function runBody(context: Context, frame: Frame, body: readonly Statement[]): Maybe<Result> {
  for (const statement of body) {
    switch (statement.kind) {
      case "param":
        declareParam(context, frame, statement);
        break;
      case "assign":
        assign(context, frame, statement);
        break;
      case "repeat":
        repeat(context, frame, statement);
        break;
      case "return":
      case "loss": {
        const found = value(context, frame, statement.value);
        return found && { value: found, expr: statement.value };
      }
      case "broken":
        break;
      default:
        statement satisfies never;
    }
  }
  return undefined;
}

function declareParam(
  context: Context,
  frame: Frame,
  statement: Statement & { kind: "param" },
): void {
  const { name, type: declared } = statement;
  const type = resolveType(frame.dimensions, declared);
  const init = type && initOf(context, frame, statement, type.shape);
  let node: Node | undefined;
  if (type !== undefined && init !== undefined) {
    if (isTooLarge(context, declared, type)) return;
    // A model called by a train has its parameters beside the arguments of the train.
    if (context.builder.hasInput(context.builder.pathOf(name.text))) {
      context.reporter.report(names.definedTwice(name.span, "parameter", name.text, undefined));
      return;
    }
    const { shape, dtype } = type;
    node = context.builder.at(statement.span, () =>
      context.builder.param(name.text, shape, init, dtype),
    );
    frame.params.set(name.text, node);
  }
  frame.scopes[0]!.set(name.text, node && { kind: "node", node });
  if (node !== undefined) context.watch?.(name.span, { kind: "node", node });
}

function isTooLarge(context: Context, declared: TypeExpr, type: TensorType): boolean {
  if (elementCount(type.shape) <= 2 ** 40) return false;
  context.reporter.report(types.tensorTooLarge(declared.span, type));
  return true;
}

function initOf(
  context: Context,
  frame: Frame,
  { init }: Statement & { kind: "param" },
  shape: readonly Dim[],
): Maybe<Init> {
  if (init === undefined) return defaultInit(shape);
  const kind = init.kind.text as Init["kind"];
  if (kind === "ones" || kind === "zeros") return { kind };
  if (init.value === undefined) return undefined;
  const found = value(context, frame, init.value);
  if (found === undefined) return undefined;
  if (found.kind === "number") return { kind, value: found.value };
  context.reporter.report(types.needsNumber(init.value.span, "an initial value", describe(found)));
  return undefined;
}

function assign(context: Context, frame: Frame, statement: Statement & { kind: "assign" }): void {
  const { target, op, value: expr } = statement;
  const right = value(context, frame, expr);
  const scope = scopeWith(frame, target.text) ?? frame.scopes.at(-1)!;
  if (op === "=") {
    scope.set(target.text, right);
    if (right !== undefined) context.watch?.(target.span, right);
    return;
  }
  const before = scope.get(target.text);
  if (before === undefined || right === undefined) return;
  const targetExpr: Expr = { kind: "name", name: target.text, span: target.span };
  const whole: Expr = { ...targetExpr, span: statement.span };
  const binary = op === "+=" ? "+" : op === "-=" ? "-" : "*";
  const result = binaryValue(context, frame, binary, whole, [targetExpr, expr], before, right);
  if (
    before.kind === "node" &&
    result?.kind === "node" &&
    !sameType(before.node.type, result.node.type)
  ) {
    const x = { span: target.span, type: before.node.type };
    context.reporter.report(types.updateChangesShape(op, x, result.node.type));
    return;
  }
  if (result === undefined) return;
  scope.set(target.text, result);
  context.watch?.(target.span, result);
}

function repeat(context: Context, frame: Frame, statement: Statement & { kind: "repeat" }): void {
  const count = value(context, frame, statement.count);
  if (count === undefined) return;
  if (count.kind !== "number") {
    context.reporter.report(
      types.needsNumber(statement.count.span, "the count of `repeat`", describe(count)),
    );
    return;
  }
  if (!Number.isInteger(count.value) || count.value < 1 || count.value > 10_000) {
    context.reporter.report(types.badRepeatCount(statement.count.span, count.value));
    return;
  }
  const errors = context.reporter.diagnostics.length;
  context.builder.repeat(count.value, () => {
    // What went wrong in one iteration would go wrong in all.
    if (context.reporter.diagnostics.length > errors) return;
    frame.scopes.push(new Map());
    frame.instances.push(new Map());
    runBody(context, frame, statement.body);
    frame.scopes.pop();
    frame.instances.pop();
  });
}

function makeContext(header: Header, library: Library, reporter: Reporter, watch?: Watch): Context {
  return {
    watch,
    builder: new Builder(),
    header,
    library,
    reporter,
    owns: ownershipIn(library),
    owners: new Map(),
    steps: 0,
  };
}

/** Sizes for the variables and `...` of a layer that is looked at without a call. */
const SAMPLE_SIZE = 64;

/**
 * The graph of a layer, a model or a train, its arguments being inputs and its parameters at the
 * root. Variables and `...` stand for dimensions of their own. Reports what does not fit; undefined
 * then.
 */
export function elaborateItem(
  item: LayerItem | TrainItem,
  header: Header,
  library: Library,
  reporter: Reporter,
  watch?: Watch,
): Graph | undefined {
  const context = makeContext(header, library, reporter, watch);
  const variables = item.kind === "train" ? [] : item.variables;
  const dimensions = dimensionsOf(header.dims, variables);
  for (const { text } of variables) dimensions.variables.set(text, dim(text, SAMPLE_SIZE));
  if (item.args.some((a) => a.type.open)) dimensions.leading = [dim("...", 2)];

  const frame = makeFrame(item.kind, false, dimensions);
  for (const arg of item.args) {
    const type = resolveType(dimensions, arg.type);
    const isUsable = type !== undefined && !isTooLarge(context, arg.type, type);
    const node = isUsable
      ? context.builder.input(arg.name.text, type.shape, type.dtype)
      : undefined;
    frame.scopes[0]!.set(arg.name.text, node && { kind: "node", node });
    if (node !== undefined) watch?.(arg.name.span, { kind: "node", node });
  }
  const result = runBody(context, frame, item.body);
  if (result === undefined) return undefined;
  if (item.kind !== "train") {
    const checked = checkResult(context, frame, item, result);
    return checked?.kind === "node"
      ? context.builder.graph(item.name.text, "out", checked.node)
      : undefined;
  }
  const loss = toNode(context, result.expr, result.value);
  if (loss === undefined) return undefined;
  if (loss.type.shape.length > 0) {
    reporter.report(types.lossIsNotScalar({ span: result.expr.span, type: loss.type }));
    return undefined;
  }
  return context.builder.graph(item.name.text, "loss", loss);
}
