/** Arithmetic on numbers the compiler knows: literals, dimensions, hyper-parameters. */

import type { OpDef } from "../compiler/ops/define.ts";
import { opRegistry } from "../compiler/ops/index.ts";
import type { BinaryOp } from "./ast.ts";

/** `a op b`, or undefined for `@`. */
export function arithmetic(op: BinaryOp, a: number, b: number): number | undefined {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "@":
      return undefined;
    default:
      return op satisfies never;
  }
}

/** The op of this name if it works on each element, so that it has a meaning for numbers too. */
export function elementwiseOp(name: string): OpDef | undefined {
  const op = opRegistry.get(name);
  return op?.opcode === undefined ? undefined : op;
}

/** An elementwise op on numbers, by its own meaning. */
export function applyToNumbers(op: OpDef, args: readonly number[]): number {
  const operands = args.map((x) => ({ shape: [], data: Float64Array.of(x) }));
  return op.eval(operands, {}, { dtype: "f32", shape: [] }).data[0]!;
}
