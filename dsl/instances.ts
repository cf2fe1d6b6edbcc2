/** Which layers own parameters, and what a call's parameters are named after. */
import type { CallExpr, Expr, LayerItem, Statement } from "./ast.ts";
import type { LayerRef, Library } from "./library.ts";

/** The name below which a call's parameters stand. */
export function segmentOf(call: CallExpr): string {
  return call.label?.text ?? call.callee.text;
}

/** The expressions an expression is made of, in the order they are evaluated. */
export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "call":
      return expr.args.map((arg) => arg.value);
    case "group":
      return [expr.inner];
    case "negate":
    case "transpose":
    case "as":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "number":
    case "string":
    case "name":
    case "member":
    case "broken":
      return [];
    default:
      return expr satisfies never;
  }
}

/** Visits the calls of an expression, innermost first: in the order they are evaluated. */
export function forEachCall(expr: Expr, visit: (call: CallExpr) => void): void {
  for (const part of partsOf(expr)) forEachCall(part, visit);
  if (expr.kind === "call") visit(expr);
}

/** Visits the statements of a body, those inside `repeat` too. */
export function forEachStatement(
  body: readonly Statement[],
  visit: (statement: Statement) => void,
): void {
  for (const statement of body) {
    visit(statement);
    if (statement.kind === "repeat") forEachStatement(statement.body, visit);
  }
}

/** The expressions of a statement, its own and not those of statements inside it. */
export function expressionsOf(statement: Statement): readonly Expr[] {
  switch (statement.kind) {
    case "param":
      return statement.init?.value === undefined ? [] : [statement.init.value];
    case "assign":
    case "return":
    case "loss":
      return [statement.value];
    case "repeat":
      return [statement.count];
    case "broken":
      return [];
    default:
      return statement satisfies never;
  }
}

/** The layers a body calls, each call once. */
export function calledLayers(
  library: Library,
  body: readonly Statement[],
  isStd: boolean,
): { readonly call: CallExpr; readonly layer: LayerRef }[] {
  const found: { call: CallExpr; layer: LayerRef }[] = [];
  forEachStatement(body, (statement) => {
    for (const expr of expressionsOf(statement)) {
      forEachCall(expr, (call) => {
        const callee = library.resolve(call.callee.text, { builtin: call.builtin, isStd });
        if (callee?.kind === "layer") found.push({ call, layer: callee.layer });
      });
    }
  });
  return found;
}

/** Whether a call of a layer owns parameters, itself or through what it calls. */
export function ownershipIn(library: Library): (layer: LayerRef) => boolean {
  const known = new Map<LayerItem, boolean>();
  const owns = (layer: LayerRef): boolean => {
    const before = known.get(layer.item);
    if (before !== undefined) return before;
    known.set(layer.item, false); // a cycle, reported elsewhere
    let result = false;
    forEachStatement(layer.item.body, (s) => {
      if (s.kind === "param") result = true;
    });
    result ||= calledLayers(library, layer.item.body, layer.isStd).some((c) => owns(c.layer));
    known.set(layer.item, result);
    return result;
  };
  return owns;
}
