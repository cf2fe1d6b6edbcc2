/** The tensors that `anec mil run` reads, makes up, writes and sums up. */

import { tensorNotConvertible } from "../compiler/messages/files.ts";
import { milBadInput } from "../compiler/messages/mil_run.ts";
import { extraTensor, missingTensor, wrongTensorShape } from "../compiler/messages/usage.ts";
import { mayEqual, sizeOf } from "../compiler/mil/infer.ts";
import type { Limits, MilInput, MilTensor, Numerics } from "../compiler/mil/interpret.ts";
import { operandOfType } from "../compiler/mil/operands.ts";
import { printType } from "../compiler/mil/print.ts";
import { checkInputSizes } from "../compiler/mil/run_limits.ts";
import { type Binding, type ElementType, type MilFunction, typeOf } from "../compiler/mil/tree.ts";
import { type Diagnostic, UserError } from "../compiler/support/diagnostic.ts";
import { halfBits } from "../compiler/support/half.ts";
import {
  fromFloat32,
  fromFloat64,
  fromHalfBits,
  fromInt32,
  type Tensor,
  toFloat64,
} from "../formats/tensor.ts";
import { createRandom } from "../training/random.ts";

export type Inputs = Readonly<Record<string, MilInput>>;

const isFloat = (element: ElementType): boolean => /^(fp|bf)/.test(element);

/**
 * The inputs of a function from the tensors of a file. States may be left out: they start as zeros.
 * Throws a `UserError` with every fault of them.
 */
export function readInputs(
  f: MilFunction,
  tensors: ReadonlyMap<string, Tensor>,
  file: string,
  limits: Limits,
): Inputs {
  const known = new Map(f.inputs.map((i) => [i.name, i]));
  const extra = [...tensors.keys()].filter((name) => !known.has(name));
  const isNeeded = (i: Binding): boolean => i.type.kind !== "state" && !tensors.has(i.name);
  const missing = f.inputs.filter(isNeeded).map((i) => i.name);
  const faults: Diagnostic[] = [];
  for (const name of missing) {
    const type = printType(known.get(name)!.type);
    faults.push(missingTensor(file, f.name, "an input", name, type, extra));
  }
  for (const name of extra) faults.push(extraTensor(file, f.name, name, missing));
  for (const [name, tensor] of tensors) {
    const input = known.get(name);
    if (input === undefined) continue;
    faults.push(...faultsOf(f, input, tensor, file));
  }
  if (faults.length > 0) throw new UserError(faults);
  checkInputSizes(f, (name) => tensors.get(name)?.shape, limits);
  const values = [...tensors].map(([name, t]) => [name, { shape: t.shape, data: toFloat64(t) }]);
  return Object.fromEntries(values) as Inputs;
}

function faultsOf(f: MilFunction, input: Binding, tensor: Tensor, file: string): Diagnostic[] {
  const operand = operandOfType(input.type);
  // What is no tensor is refused by the interpreter.
  if (operand === "open" || operand.element === "string") return [];
  if (!mayEqual(tensor.shape, operand.shape)) {
    const found = `[${tensor.shape.join(", ")}]`;
    return [wrongTensorShape(file, f.name, input.name, found, printType(input.type))];
  }
  const isWhole = !/^B?F/.test(tensor.dtype);
  if (isWhole || isFloat(operand.element)) return [];
  return [tensorNotConvertible(input.name, tensor.dtype, "it is of a type for fractions")];
}

/**
 * Inputs of a seed: fractions in [−1, 1), whole numbers and bools that are 0 or 1. States stay zeros.
 * Throws a `UserError` (E0371, E0374, E0376) for an open size and for more than the limits allow.
 */
export function randomInputs(f: MilFunction, seed: number, limits: Limits): Inputs {
  const random = createRandom(seed);
  const inputs = f.inputs.filter((i) => i.type.kind !== "state");
  const values: [string, Float64Array][] = [];
  checkInputSizes(f, () => undefined, limits);
  for (const { name, type } of inputs) {
    const operand = operandOfType(type);
    if (operand === "open" || operand.shape.some(Number.isNaN))
      throw new UserError(
        milBadInput(f.name, name, `has the type ${printType(type)}, for which none can be made up`),
      );
    const data = new Float64Array(sizeOf(operand.shape));
    if (isFloat(operand.element)) random.fillUniform(data, 1);
    else for (let i = 0; i < data.length; i++) data[i] = random.uniformIndex(2);
    values.push([name, data]);
  }
  return Object.fromEntries(values);
}

/**
 * A value for a safetensors file: its own type where every element fits it, else F64. Numbers of
 * `ideal` are not rounded, so they are F64.
 */
export function tensorOf({ element, shape, data }: MilTensor, numerics: Numerics): Tensor {
  if (element === "bool") return { dtype: "BOOL", shape, data: Uint8Array.from(data) };
  if (!isFloat(element)) {
    const isSmall = data.every((x) => x === (x | 0));
    return isSmall ? fromInt32(shape, Int32Array.from(data)) : fromFloat64(shape, data);
  }
  if (numerics === "ideal") return fromFloat64(shape, data);
  if (element === "fp16") return fromHalfBits(shape, Uint16Array.from(data, halfBits));
  // fp32 holds every bf16.
  if (element === "fp32" || element === "bf16") return fromFloat32(shape, Float32Array.from(data));
  return fromFloat64(shape, data);
}

/** A value in a few numbers. The least, largest and mean are those of the finite elements. */
export interface Summary {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** The first elements; null for those that are not finite. */
  readonly first: readonly (number | null)[];
  readonly nan: number;
  readonly infinite: number;
}

/** Elements that are shown. */
const FIRST = 4;

export function summaryOf(name: string, { element, shape, data }: MilTensor): Summary {
  let [min, max, sum, finite, nan] = [Infinity, -Infinity, 0, 0, 0];
  for (const x of data) {
    if (Number.isNaN(x)) nan += 1;
    if (!Number.isFinite(x)) continue;
    finite += 1;
    sum += x;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  const orNull = (x: number): number | null => (finite === 0 ? null : x);
  const first = [...data.subarray(0, FIRST)].map((x) => (Number.isFinite(x) ? x : null));
  return {
    name,
    type: printType(typeOf(element, shape)),
    shape,
    min: orNull(min),
    max: orNull(max),
    mean: orNull(sum / finite),
    first,
    nan,
    infinite: data.length - finite - nan,
  };
}

/** The cells of a summary's row; `data` are the elements. */
export function summaryCells(s: Summary, data: Float64Array): readonly string[] {
  const cell = (x: number | null): string => (x === null ? "–" : short(x));
  const first = [...data.subarray(0, FIRST)].map(short).join(", ");
  const odd = [
    s.nan > 0 ? `${s.nan} NaN` : "",
    s.infinite > 0 ? `${s.infinite} infinite` : "",
  ].filter((t) => t !== "");
  const more = data.length > FIRST ? ", …" : "";
  return [
    s.name,
    s.type,
    cell(s.min),
    cell(s.max),
    cell(s.mean),
    `${first}${more}`,
    odd.join(", "),
  ];
}

/** A number to five digits. */
function short(x: number): string {
  return String(Number(x.toPrecision(5)));
}
