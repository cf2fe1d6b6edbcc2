/**
 * Runs a function of a MIL program: the oracle for programs that anec emits.
 *
 *     interpretMil(program, { x }, { numerics: "fp16" }).get("y")
 *
 * `ideal` computes in float64 and rounds nothing: what the program means. `fp16` rounds inputs,
 * constants and the result of each op to its element type, as storage between the engine's ops
 * does; sums inside one op are kept in float64. `fast` keeps the sums of products in fp32. `exact` is
 * the engine's own arithmetic (`numerics/`).
 *
 * A value is dropped after its last use. What would take too much memory or time is refused before
 * it is begun.
 */
import {
  milBadInput,
  milCannotInterpret,
  milNoFunction,
  milNoSuchValue,
  milTooLarge,
  milTooMuchMemory,
  milTooMuchWork,
} from "../messages/mil_run.ts";
import { type Diagnostic, UserError } from "../support/diagnostic.ts";
import type { Span } from "../support/source.ts";
import { checkMil } from "./check.ts";
import { operandOfLiteral } from "./check_literal.ts";
import {
  isMistake,
  mayEqual,
  resultsOf,
  type Shaped,
  shapedText,
  shapeText,
  sizeOf,
} from "./infer.ts";
import {
  checkSize,
  loadLiteral,
  type Numerics,
  rounding,
  storing,
  type WeightResolver,
} from "./interpret_values.ts";
import type { EngineOptions } from "./numerics/engine.ts";
import { integersOf } from "./numerics/integers.ts";
import { meaningOf } from "./numerics/meaning.ts";
import { givenTo, misfit, operandOfType, valuesOf } from "./operands.ts";
import { isParameter, type MilOp, milOp } from "./ops.ts";
import { printType } from "./print.ts";
import {
  checkInputSizes,
  ELEMENT_WORK,
  type Limits,
  LONGEST_LIST,
  USUAL_LIMITS,
  workOf,
} from "./run_limits.ts";
import type { Loaded } from "./tensors.ts";
import {
  find,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  type Value,
} from "./tree.ts";

export { NUMERICS, type Numerics, type WeightResolver } from "./interpret_values.ts";
export type { EngineOptions } from "./numerics/engine.ts";
export { type Limits, USUAL_LIMITS } from "./run_limits.ts";

/** Elements in row-major order; bools are 0 and 1. */
export interface MilTensor extends Shaped {
  readonly data: Float64Array;
}

/** An input's elements, with their shape where the program leaves sizes open. */
export type MilInput =
  | Float64Array
  | { readonly shape: readonly number[]; readonly data: Float64Array };

export interface InterpretOptions {
  readonly numerics: Numerics;
  /** What `exact` leaves open. */
  readonly engine?: EngineOptions;
  /** Default: `main`, or the only function. */
  readonly function?: string;
  readonly weights?: WeightResolver;
  readonly limits?: Limits;
  /** Names of values to keep besides the outputs, or all of them. */
  readonly trace?: readonly string[] | "all";
  /** Called after each statement, with the work that is done, in the operations of `Limits`. */
  readonly onProgress?: (operations: number) => void;
}

export interface MilRun {
  readonly outputs: Map<string, MilTensor>;
  /** The states after the run. */
  readonly states: Map<string, MilTensor>;
  /** In the order of the program. */
  readonly traced: Map<string, MilTensor>;
}

/** The outputs of `runMil` by name. */
export function interpretMil(
  program: MilProgram,
  inputs: Readonly<Record<string, MilInput>>,
  options: InterpretOptions,
): Map<string, MilTensor> {
  return runMil(program, inputs, options).outputs;
}

/**
 * Runs a function. States that are not given start as zeros. Throws a `UserError` if the program
 * does not pass the checker, has ops or types that the interpreter does not know, is given inputs or
 * weights that do not fit, or goes beyond the limits.
 */
export function runMil(
  program: MilProgram,
  inputs: Readonly<Record<string, MilInput>>,
  options: InterpretOptions,
): MilRun {
  const f = functionOf(program, options.function);
  expectSound(program);
  const { limits = USUAL_LIMITS } = options;
  const keep = keptNames(f, options.trace);
  const scope = loadInputs(f, inputs, options.numerics, limits);
  const lastUse = lastUses(f);
  const traced = new Map<string, MilTensor>();
  let operations = 0;
  let elements = [...scope.values()].reduce((sum, v) => sum + v.data.length, 0);
  const asked = options.trace === "all" ? keep : new Set(options.trace);
  const trace = (name: string, value: Loaded): void => {
    if (asked.has(name)) traced.set(name, tensorOf(value));
  };
  for (const { name } of f.inputs) trace(name, scope.get(name)!);

  for (const [at, s] of f.body.entries()) {
    const prepared = prepare(s, scope, options);
    operations += prepared.work;
    if (operations > limits.operations) throw new UserError(milTooMuchWork(s.span, s.op));
    if (elements + prepared.elements > limits.elements)
      throw new UserError(milTooMuchMemory(s.span, `the values alive at this \`${s.op}\``));
    const results = prepared.compute();
    for (const [i, { name }] of s.results.entries()) {
      elements += results[i]!.data.length - (scope.get(name)?.data.length ?? 0);
      scope.set(name, results[i]!);
      trace(name, results[i]!);
    }
    for (const name of lastUse.get(at) ?? []) {
      if (keep.has(name)) continue;
      elements -= scope.get(name)?.data.length ?? 0;
      scope.delete(name);
    }
    options.onProgress?.(operations);
  }
  const named = (names: readonly string[]): Map<string, MilTensor> =>
    new Map(names.map((name) => [name, tensorOf(scope.get(name)!)]));
  const states = f.inputs.filter((i) => i.type.kind === "state").map((i) => i.name);
  return { outputs: named(f.outputs.map((o) => o.name)), states: named(states), traced };
}

/** Programs that have passed the checker: one of a layer is run for each layer. */
const sound = new WeakSet<MilProgram>();

function expectSound(program: MilProgram): void {
  if (sound.has(program)) return;
  const errors = checkMil(program).filter((d) => d.severity === "error");
  if (errors.length > 0) throw new UserError(errors);
  sound.add(program);
}

const tensorOf = ({ element, shape, data }: Loaded): MilTensor => ({ element, shape, data });

/** The names whose values stay to the end: outputs, states and what is traced. */
function keptNames(f: MilFunction, trace: InterpretOptions["trace"]): ReadonlySet<string> {
  const all = [...f.inputs, ...f.body.flatMap((s) => s.results)].map((b) => b.name);
  const traced = trace === "all" ? all : (trace ?? []);
  const known = new Set(all);
  const missing = traced.filter((name) => !known.has(name));
  if (missing.length > 0) throw new UserError(missing.map((n) => milNoSuchValue(f.name, n, all)));
  const states = f.inputs.filter((i) => i.type.kind === "state").map((i) => i.name);
  return new Set([...traced, ...states, ...f.outputs.map((o) => o.name)]);
}

/** By the number of a statement, the names that nothing behind it reads. */
function lastUses(f: MilFunction): ReadonlyMap<number, readonly string[]> {
  const last = new Map<string, number>();
  const use = (value: Value, at: number): void => {
    if (value.kind === "name") last.set(value.name, at);
    if (value.kind === "tuple" || value.kind === "list")
      for (const item of value.items) use(item, at);
  };
  for (const [at, s] of f.body.entries()) {
    for (const { name } of s.results) last.set(name, at);
    for (const arg of s.args) use(arg.value, at);
  }
  const out = new Map<number, string[]>();
  for (const [name, at] of last) out.set(at, [...(out.get(at) ?? []), name]);
  return out;
}

/** The function called `name`; without a name `main`, or the only one. Throws a `UserError` (E0372). */
export function functionOf(program: MilProgram, name: string | undefined): MilFunction {
  const { functions } = program;
  const only = functions.length === 1 ? functions[0] : undefined;
  const found = functions.find((f) => f.name === (name ?? "main"));
  const chosen = found ?? (name === undefined ? only : undefined);
  if (chosen !== undefined) return chosen;
  const known = functions.map((f) => f.name);
  throw new UserError(milNoFunction(name ?? "main", known));
}

function loadInputs(
  f: MilFunction,
  inputs: Readonly<Record<string, MilInput>>,
  numerics: Numerics,
  limits: Limits,
): Map<string, Loaded> {
  const shapeOf = (name: string): readonly number[] | undefined => {
    const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    return given instanceof Float64Array ? undefined : given?.shape;
  };
  checkInputSizes(f, shapeOf, limits);
  const refuse = (input: string, problem: string): never => {
    throw new UserError(milBadInput(f.name, input, problem));
  };
  const scope = new Map<string, Loaded>();
  for (const { name, type } of f.inputs) {
    const operand = operandOfType(type);
    if (operand === "open" || operand.element === "string")
      return refuse(name, `has the type ${printType(type)}, which cannot be run`);
    const found = Object.hasOwn(inputs, name) ? inputs[name]! : startOf(type, operand);
    if (found === undefined) return refuse(name, "is missing");
    const { shape, data } =
      found instanceof Float64Array ? { shape: operand.shape, data: found } : found;
    if (shape.some(Number.isNaN))
      return refuse(name, `has the type ${printType(type)}, which cannot be run without a shape`);
    if (!mayEqual(shape, operand.shape))
      return refuse(name, `is ${shapeText(shape)}, not ${shapeText(operand.shape)}`);
    const size = sizeOf(shape);
    if (data.length !== size) return refuse(name, `has ${data.length} values, not ${size}`);
    scope.set(name, { ...operand, shape, data: data.map(rounding(operand.element, numerics)) });
  }
  for (const name in inputs) if (!scope.has(name)) refuse(name, "does not exist");
  return scope;
}

/** States start as zeros; other inputs must be given. */
function startOf(type: MilType, { shape }: Shaped): Float64Array | undefined {
  const size = sizeOf(shape);
  return type.kind === "state" && !Number.isNaN(size) ? new Float64Array(size) : undefined;
}

interface Prepared {
  readonly work: number;
  /** Of the results. */
  readonly elements: number;
  readonly compute: () => readonly Loaded[];
}

function prepare(s: Statement, scope: Map<string, Loaded>, options: InterpretOptions): Prepared {
  if (s.op === "const") {
    const val = (find(s.attributes, "val") ?? find(s.args, "val"))!;
    const type = s.results[0]!.type;
    const span = val.span ?? s.span;
    const load = () => placed(span, () => loadLiteral(val.value, type, span, options));
    const operand = operandOfLiteral(val.value, type);
    const elements = operand === undefined ? 0 : sizeOf(operand.shape);
    const compute = () => [{ ...load(), isConstant: true }];
    return { work: ELEMENT_WORK * elements, elements, compute };
  }
  const op = milOp(s.op);
  if (op?.run === undefined) throw new UserError(milCannotInterpret(s.span, s.op));
  const operands = operandsOf(s, op, scope, options);
  const answer = op.rule(operands);
  if (isMistake(answer)) throw new UserError(misfit(s, answer));
  if (answer === "open") throw new UserError(milCannotInterpret(s.span, s.op));
  const outs = resultsOf(answer);
  const { numerics, engine = {} } = options;
  const run = meaningOf(op, numerics, engine);
  for (const out of outs) checkSize(out, s.span);
  const elements = outs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const compute = (): readonly Loaded[] => {
    const values = placed(s.span, () => run(operands, outs));
    if (s.op === "write_state" || s.op === "coreml_update_state") write(s, op, operands, scope);
    const isConstant = s.op.startsWith("constexpr_");
    const packed = operands.get("quantized_data") ?? operands.get("data");
    const isInt8 = isConstant && packed?.[0]?.element === "int8";
    return outs.map((out, i) => ({
      ...out,
      isConstant,
      isInt8,
      data: values[i]!.map(storing(out.element, numerics)),
      integers: numerics === "exact" ? integersOf(s.op, operands) : undefined,
    }));
  };
  return { work: workOf(op, operands, outs), elements, compute };
}

/** The first argument of an op that writes is the state, the second the value. */
function write(
  s: Statement,
  op: MilOp,
  operands: ReadonlyMap<string, readonly Loaded[]>,
  scope: Map<string, Loaded>,
): void {
  const [state, value] = op.args.map((spec) => spec.name) as [string, string];
  const target = find(s.args, state)?.value;
  if (target?.kind !== "name") throw new UserError(milCannotInterpret(s.span, s.op));
  const { data } = operands.get(value)![0]!;
  scope.set(target.name, { ...scope.get(target.name)!, data: data.slice() });
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

function operandsOf(
  s: Statement,
  op: MilOp,
  scope: ReadonlyMap<string, Loaded>,
  options: InterpretOptions,
): Map<string, readonly Loaded[]> {
  const out = new Map<string, readonly Loaded[]>();
  const given = givenTo(op, s);
  for (const spec of op.args) {
    const arg = find(given, spec.name);
    if (arg === undefined) continue;
    const load = (value: Value): Loaded => {
      const type = value.kind === "typed" ? value.type : undefined;
      const found =
        value.kind === "name"
          ? scope.get(value.name)!
          : { ...loadLiteral(value, type, arg.span, options), isConstant: true };
      if (!isParameter(spec.kind) || found.text !== undefined) return found;
      if (found.data.length > LONGEST_LIST)
        throw new UserError(milTooLarge(arg.span, shapedText(found)));
      const numbers = Array.from(found.data);
      return { ...found, numbers, ints: numbers };
    };
    out.set(spec.name, valuesOf(spec, arg.value).map(load));
  }
  return out;
}
