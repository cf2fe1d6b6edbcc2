/** How `exact` and `fast` multiply, add up and store. */
import { roundToHalf } from "../../support/half.ts";
import type { Loaded } from "../tensors.ts";
import { decode, roundHalfAway } from "./half_away.ts";
import { multiplyExact } from "./mac.ts";
import { type Multiply, multiplySingle } from "./multiply.ts";

export interface Arithmetic {
  readonly isExact: boolean;
  readonly multiply: Multiply;
  /** The elements of an operand of products. */
  readonly operand: (x: Loaded) => Float64Array;
  /** A value of fp16 as it is stored between two steps of one op. */
  readonly store: (x: number) => number;
  /** A stored value as the arithmetic reads it. */
  readonly read: (x: number) => number;
}

/** The engine's fixed point. */
export const EXACT: Arithmetic = {
  isExact: true,
  multiply: multiplyExact,
  operand: ({ element, data }) => (element === "fp16" ? data : data.map(roundToHalf)),
  store: roundHalfAway,
  read: decode,
};

/** fp16 values, and sums in fp32. */
export const FAST: Arithmetic = {
  isExact: false,
  multiply: multiplySingle,
  operand: ({ data }) => data,
  store: roundToHalf,
  read: (x) => x,
};
