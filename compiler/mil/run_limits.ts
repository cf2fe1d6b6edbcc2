/**
 * What one run of the interpreter may take, and how much of it a statement needs.
 *
 * Both are known before a statement is computed, from the shapes alone: what would take too much is
 * refused and not begun.
 */
import { milTooMuchMemory } from "../messages/mil_run.ts";
import { UserError } from "../support/diagnostic.ts";
import { eachTyped } from "./check.ts";
import { type Operands, type Shaped, sizeOf } from "./infer.ts";
import { checkSize } from "./interpret_values.ts";
import { operandOfType } from "./operands.ts";
import type { MilOp } from "./ops.ts";
import type { MilFunction } from "./tree.ts";

/** What one run may take. */
export interface Limits {
  /** Elements alive at once, 8 bytes each. */
  readonly elements: number;
  /** Floating-point operations; an element that is read or written counts as `ELEMENT_WORK`. */
  readonly operations: number;
}

/** 4 GiB, and a few minutes. */
export const USUAL_LIMITS: Limits = { elements: 2 ** 29, operations: 2e11 };

/** Reading and writing an element takes the time of so many operations of a product. */
export const ELEMENT_WORK = 64;

/** Lists that decide what an op computes are short; longer ones are refused. */
export const LONGEST_LIST = 65_536;

/** The work of one statement, in operations. */
export function workOf(op: MilOp, operands: Operands, outs: readonly Shaped[]): number {
  const read = [...operands.values()].flat();
  const elements = [...read, ...outs].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return Math.max(ELEMENT_WORK * elements, op.flops(operands, outs));
}

/**
 * The work of a whole run, in operations, as far as the text says: statements whose sizes a run decides
 * are left out.
 */
export function expectedWork(f: MilFunction): number {
  let work = 0;
  const add = (operations: number): void => {
    if (!Number.isNaN(operations)) work += operations;
  };
  eachTyped(f, (_, op, operands, outs) => add(workOf(op, operands, outs)));
  for (const { results } of f.body.filter((s) => s.op === "const")) {
    const operand = operandOfType(results[0]!.type);
    if (operand !== "open") add(ELEMENT_WORK * sizeOf(operand.shape));
  }
  return work;
}

/**
 * Refuses inputs and states that are too large, before any is made. `given` are the shapes of those that
 * a caller has; an open size without a shape is not judged. Throws a `UserError` (E0374, E0376).
 */
export function checkInputSizes(
  f: MilFunction,
  given: (name: string) => readonly number[] | undefined,
  limits: Limits,
): void {
  let elements = 0;
  for (const { name, type, span } of f.inputs) {
    const operand = operandOfType(type);
    if (operand === "open") continue;
    const shape = given(name) ?? operand.shape;
    if (shape.some(Number.isNaN)) continue;
    checkSize({ ...operand, shape }, span);
    elements += sizeOf(shape);
  }
  if (elements > limits.elements) throw new UserError(milTooMuchMemory(f.span, "the inputs"));
}
