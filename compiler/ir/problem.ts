/**
 * What an op's shape rule says when its operands do not fit.
 *
 * It is data, not prose: the language turns it into a message with the shapes under the user's own
 * operands, the builder into one without a place.
 */
import type { Dim, TensorType } from "./types.ts";

export type ShapeFault =
  /** `@`: last dimension on the left against second-to-last on the right. */
  | { readonly kind: "matmul"; readonly x: TensorType; readonly y: TensorType }
  /** Elementwise: dimensions that cannot be aligned. */
  | { readonly kind: "broadcast"; readonly x: TensorType; readonly y: TensorType }
  /** An operand has the wrong rank. */
  | {
      readonly kind: "rank";
      readonly operand: number;
      readonly type: TensorType;
      readonly needs: string;
    }
  /** An operand has the wrong element type. */
  | {
      readonly kind: "dtype";
      readonly operand: number;
      readonly type: TensorType;
      readonly needs: string;
    }
  /** Two dimensions had to be the same. */
  | {
      readonly kind: "dims";
      readonly operand: number;
      readonly type: TensorType;
      readonly found: Dim;
      readonly expected: Dim;
      readonly what: string;
    }
  /** An attribute is outside its range. */
  | {
      readonly kind: "attribute";
      readonly name: string;
      readonly value: string;
      readonly needs: string;
    }
  /** `from` and `to` do not hold the same number of elements or factors. */
  | { readonly kind: "reshape"; readonly from: readonly Dim[]; readonly to: readonly Dim[] }
  /** Heads cannot be shared evenly. */
  | { readonly kind: "share"; readonly from: Dim; readonly to: Dim }
  /** Wrong number of operands. */
  | { readonly kind: "arity"; readonly found: number; readonly expected: string };

export class ShapeProblem extends Error {
  readonly op: string;
  readonly fault: ShapeFault;

  constructor(op: string, fault: ShapeFault) {
    super(`${op}: ${fault.kind}`);
    this.name = "ShapeProblem";
    this.op = op;
    this.fault = fault;
  }
}
