/** The elements of constants, and rounding to element types. */
import { type BlobRecord, blobValues } from "../bundle/blob.ts";
import { milCannotInterpret, milTooLarge, milWeightsDoNotFit } from "../messages/mil_run.ts";
import { UserError } from "../support/diagnostic.ts";
import { roundToHalf } from "../support/half.ts";
import type { Span } from "../support/source.ts";
import { blobPlace, operandOfLiteral } from "./check_literal.ts";
import { type Shaped, sizeOf } from "./infer.ts";
import { numberValue } from "./numbers.ts";
import { roundHalfAway } from "./numerics/half_away.ts";
import { printType } from "./print.ts";
import { LARGEST, type Loaded } from "./tensors.ts";
import { type ElementType, flatten, type MilType, typeOf, type Value } from "./tree.ts";

/** The record at an offset of a weight file, or undefined if there is no such file. */
export type WeightResolver = (path: string, offset: number) => BlobRecord | undefined;

/**
 * `ideal`: float64, nothing rounded. `fp16`: values are rounded to their type between ops. `fast`: that,
 * and sums in fp32. `exact`: the engine's own arithmetic, as far as it is published.
 */
export const NUMERICS = ["ideal", "fp16", "fast", "exact"] as const;
export type Numerics = (typeof NUMERICS)[number];

export interface LiteralOptions {
  readonly numerics: Numerics;
  readonly weights?: WeightResolver;
}

/**
 * The elements of a literal; of one value for a tensor of several, each is that value. Throws a
 * `UserError` (E0370, E0373, E0374).
 */
export function loadLiteral(
  value: Value,
  type: MilType | undefined,
  span: Span | undefined,
  options: LiteralOptions,
): Loaded {
  const operand = operandOfLiteral(value, type);
  if (operand === undefined)
    throw new UserError(milCannotInterpret(span, "a constant of this type"));
  checkSize(operand, span);
  let inner = value;
  while (inner.kind === "typed") inner = inner.value;
  if (inner.kind === "string") return { ...operand, data: new Float64Array(0) };
  const data = inner.kind === "blob" ? weights(inner, operand, span, options) : elements(inner);
  return { ...operand, data: data.map(rounding(operand.element, options.numerics)) };
}

/** Throws a `UserError` (E0374) if a value is larger than any that the interpreter holds. */
export function checkSize({ element, shape }: Shaped, span: Span | undefined): void {
  if (sizeOf(shape) <= LARGEST) return;
  throw new UserError(milTooLarge(span, printType(typeOf(element, shape))));
}

function elements(value: Value): Float64Array {
  return Float64Array.from(flatten(value), (item) => {
    if (item.kind === "number") return numberValue(item.text);
    return item.kind === "bool" && item.value ? 1 : 0;
  });
}

function weights(
  value: Value & { kind: "blob" },
  { element, shape }: Shaped,
  span: Span | undefined,
  options: LiteralOptions,
): Float64Array {
  const { path, offset } = blobPlace(value)!;
  const refuse = (problem: string): never => {
    throw new UserError(milWeightsDoNotFit(span, path, offset, problem));
  };
  const record = options.weights?.(path, offset) ?? refuse("were not given");
  // Weight files have no bools; they are bytes.
  const stored = element === "bool" ? "uint8" : element;
  if (record.dtype !== stored) refuse(`are ${record.dtype}, not ${stored}`);
  const found = blobValues(record);
  const size = sizeOf(shape);
  // Without a count of padding bits, the last byte of small elements may hold a few too many.
  const spare = record.dtype.match(/int[1-6]$/) ? 7 : 0;
  if (found.length < size || found.length > size + spare) {
    refuse(`are ${found.length} values, not ${size}`);
  }
  return found.subarray(0, size);
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

function roundToBrain(x: number): number {
  single[0] = x;
  if (!Number.isFinite(x)) return x;
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return single[0]!;
}

/** What storing the result of an op makes of it: in `exact`, halves go away from zero. */
export function storing(element: ElementType, numerics: Numerics): (x: number) => number {
  return numerics === "exact" && element === "fp16" ? roundHalfAway : rounding(element, numerics);
}

/**
 * What storing a number as an element makes of it, as inputs and constants are. Integers lose their
 * fraction in any numerics.
 */
export function rounding(element: ElementType, numerics: Numerics): (x: number) => number {
  if (/^u?int/.test(element)) return (x) => (Number.isFinite(x) ? Math.trunc(x) : x);
  if (numerics === "ideal") return (x) => x;
  if (element === "fp16") return roundToHalf;
  if (element === "fp32") return Math.fround;
  return element === "bf16" ? roundToBrain : (x) => x;
}
