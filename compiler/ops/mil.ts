/**
 * How an op tells the `ane` target to spell it in MIL.
 *
 * The lowering supplies the emitter; an op without a rule is decomposed first.
 */
import type { Node } from "../ir/node.ts";

/** A value of the MIL program under construction; opaque to ops. */
export interface MilValue {
  readonly shape: readonly number[];
}

export type MilArgument =
  | MilValue
  | readonly MilValue[]
  | number
  | boolean
  | string
  /** A list of integers, such as axes or a shape. */
  | { readonly ints: readonly number[] };

/** What an op's MIL rule may ask for. */
export interface MilEmitter {
  readonly node: Node;
  /** The result's sizes, as the rule has to make them. */
  readonly outShape: readonly number[];
  /** A call of MIL op `op`; scalars become named constants, the result's type is inferred. */
  call(op: string, args: Readonly<Record<string, MilArgument>>): MilValue;
  /** A constant tensor written into the program's weight file. */
  table(shape: readonly number[], values: Float64Array, name: string): MilValue;
}

export type MilRule = (mil: MilEmitter, inputs: readonly MilValue[]) => MilValue;
