/**
 * Runs a function of a MIL program: the oracle for programs that anec emits.
 *
 *     interpretMil(program, { x }, { numerics: "fp16" }).get("y")
 *
 * `ideal` computes in float64 and rounds nothing: what the program means. `fp16` rounds inputs,
 * constants and the result of each op to its element type, as storage between the engine's ops
 * does; sums inside one op are kept in float64.
 */
import { type BlobRecord, blobValues } from "../bundle/blob.ts";
import {
  milBadInput,
  milCannotInterpret,
  milNoFunction,
  milTooLarge,
  milWeightsDoNotFit,
} from "../messages/mil.ts";
import { type Diagnostic, UserError } from "../support/diagnostic.ts";
import { roundToHalf } from "../support/half.ts";
import type { Span } from "../support/source.ts";
import { checkMil, misfit } from "./check.ts";
import { blobPlace, operandOfLiteral } from "./check_literal.ts";
import { isMistake, type Shaped, sizeOf } from "./infer.ts";
import { type Loaded, MEANINGS } from "./interpret_ops.ts";
import { numberValue } from "./numbers.ts";
import { isParameter, type MilOp, milOp } from "./ops.ts";
import { printType } from "./print.ts";
import {
  type ElementType,
  find,
  flatten,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  typeOf,
  type Value,
} from "./tree.ts";

/** Elements in row-major order; bools are 0 and 1. */
export interface MilTensor extends Shaped {
  readonly data: Float64Array;
}

/** The record at an offset of a weight file, or undefined if there is no such file. */
export type WeightResolver = (path: string, offset: number) => BlobRecord | undefined;

export type Numerics = "ideal" | "fp16";

export interface InterpretOptions {
  readonly numerics: Numerics;
  /** Default: `main`, or the only function. */
  readonly function?: string;
  readonly weights?: WeightResolver;
}

const LARGEST = 2 ** 27;

/**
 * The outputs of a function by name. Throws a `UserError` if the program does not pass the checker,
 * has ops or types that the interpreter does not know, or is given inputs or weights that do not
 * fit.
 */
export function interpretMil(
  program: MilProgram,
  inputs: Readonly<Record<string, Float64Array>>,
  options: InterpretOptions,
): Map<string, MilTensor> {
  const f = functionOf(program, options.function);
  const errors = checkMil(program).filter((d) => d.severity === "error");
  if (errors.length > 0) throw new UserError(errors);
  const scope = loadInputs(f, inputs, options.numerics);
  for (const statement of f.body) {
    const value = run(statement, scope, options);
    for (const result of statement.results) scope.set(result.name, value);
  }
  return new Map(
    f.outputs.map(({ name }): [string, MilTensor] => {
      const { element, shape, data } = scope.get(name)!;
      return [name, { element, shape, data }];
    }),
  );
}

function functionOf(program: MilProgram, name: string | undefined): MilFunction {
  const { functions } = program;
  const only = functions.length === 1 ? functions[0] : undefined;
  const found = functions.find((f) => f.name === (name ?? "main"));
  const chosen = found ?? (name === undefined ? only : undefined);
  if (chosen !== undefined) return chosen;
  throw new UserError(
    milNoFunction(
      name ?? "main",
      functions.map((f) => f.name),
    ),
  );
}

function loadInputs(
  f: MilFunction,
  inputs: Readonly<Record<string, Float64Array>>,
  numerics: Numerics,
): Map<string, Loaded> {
  const refuse = (input: string, problem: string): never => {
    throw new UserError(milBadInput(f.name, input, problem));
  };
  const scope = new Map<string, Loaded>();
  for (const { name, type } of f.inputs) {
    const shaped =
      shapedOf(type) ?? refuse(name, `has the type ${printType(type)}, which cannot be run`);
    const data = inputs[name] ?? refuse(name, "is missing");
    const size = sizeOf(shaped.shape);
    if (data.length !== size) refuse(name, `has ${data.length} values, not ${size}`);
    scope.set(name, { ...shaped, data: data.map(rounding(shaped.element, numerics)) });
  }
  for (const name in inputs) if (!scope.has(name)) refuse(name, "does not exist");
  return scope;
}

function shapedOf(type: MilType): Shaped | undefined {
  if (type.kind === "scalar") return { element: type.element, shape: [] };
  if (type.kind !== "tensor") return undefined;
  const shape = type.shape.filter((n) => n !== "?");
  return shape.length === type.shape.length ? { element: type.element, shape } : undefined;
}

function run(s: Statement, scope: ReadonlyMap<string, Loaded>, options: InterpretOptions): Loaded {
  if (s.op === "const") {
    const val = (find(s.attributes, "val") ?? find(s.args, "val"))!;
    return literal(val.value, s.results[0]!.type, val.span ?? s.span, options);
  }
  const op = milOp(s.op);
  const meaning = MEANINGS.get(s.op);
  if (op === undefined || meaning === undefined)
    throw new UserError(milCannotInterpret(s.span, s.op));
  const operands = operandsOf(s, op, scope, options);
  const out = op.rule(operands);
  if (isMistake(out)) throw new UserError(misfit(s, out));
  checkSize(out, s.span);
  const data = placed(s.span, () => meaning(operands, out));
  return { ...out, data: data.map(rounding(out.element, options.numerics)) };
}

/** Runs `compute`; its mistakes point at `span` if they have no place of their own. */
function placed<T>(span: Span | undefined, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof UserError) || span === undefined) throw error;
    const at = (d: Diagnostic): Diagnostic =>
      d.labels.length > 0 ? d : { ...d, labels: [{ span, text: "" }] };
    throw new UserError(error.diagnostics.map(at));
  }
}

function checkSize(shaped: Shaped, span: Span | undefined): void {
  if (sizeOf(shaped.shape) <= LARGEST) return;
  throw new UserError(milTooLarge(span, printType(typeOf(shaped.element, shaped.shape))));
}

function operandsOf(
  s: Statement,
  op: MilOp,
  scope: ReadonlyMap<string, Loaded>,
  options: InterpretOptions,
): Map<string, readonly Loaded[]> {
  const out = new Map<string, readonly Loaded[]>();
  for (const spec of op.args) {
    const arg = find(s.args, spec.name) ?? find(s.attributes, spec.name);
    if (arg === undefined) continue;
    const values = spec.many && arg.value.kind === "tuple" ? arg.value.items : [arg.value];
    const load = (value: Value): Loaded => {
      const found =
        value.kind === "name"
          ? scope.get(value.name)!
          : literal(value, value.kind === "typed" ? value.type : undefined, arg.span, options);
      const known = !isParameter(spec.kind) || found.ints !== undefined || found.text !== undefined;
      return known ? found : { ...found, ints: Array.from(found.data) };
    };
    out.set(spec.name, values.map(load));
  }
  return out;
}

/** The elements of a literal. Scalars in a tensor's place are its only element. */
function literal(
  value: Value,
  type: MilType | undefined,
  span: Span | undefined,
  options: InterpretOptions,
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
  options: InterpretOptions,
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

function rounding(element: ElementType, numerics: Numerics): (x: number) => number {
  if (numerics === "ideal") return (x) => x;
  if (element === "fp16") return roundToHalf;
  if (element === "fp32") return Math.fround;
  return element === "bf16" ? roundToBrain : (x) => x;
}
