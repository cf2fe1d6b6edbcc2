/** What facts ask of a program: shapes, constants, where a value comes from and who reads it. */
import { operandOfLiteral } from "../../mil/check_literal.ts";
import { numberValue } from "../../mil/numbers.ts";
import { MIL_OPS } from "../../mil/ops.ts";
import {
  type Argument,
  type Binding,
  type ElementType,
  find,
  flatten,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  type Value,
} from "../../mil/tree.ts";
import type { Span } from "../../support/source.ts";
import type { Finding, ProgramContext } from "./define.ts";

/** The bytes of a weight file, or undefined if there is none. */
export type BlobFiles = (path: string) => Uint8Array | undefined;

/** A tensor of a program; dimensions that are not known are 0. */
export interface Tensor {
  readonly element: ElementType;
  readonly shape: readonly number[];
}

/** A function with its names resolved. */
export interface MilView {
  readonly f: MilFunction;
  readonly types: ReadonlyMap<string, MilType>;
  /** The statement that defines a name; inputs have none. */
  readonly definitions: ReadonlyMap<string, Statement>;
  readonly users: ReadonlyMap<string, readonly Statement[]>;
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
}

const viewed = new WeakMap<MilProgram, readonly MilView[]>();

/** Each function of a program with its names resolved; programs do not change, so they are resolved once. */
export function viewsOf(program: MilProgram): readonly MilView[] {
  const known = viewed.get(program) ?? resolved(program);
  viewed.set(program, known);
  return known;
}

function resolved(program: MilProgram): MilView[] {
  return program.functions.map((f) => {
    const types = new Map<string, MilType>(f.inputs.map((i) => [i.name, i.type]));
    const definitions = new Map<string, Statement>();
    const users = new Map<string, Statement[]>();
    for (const s of f.body) {
      for (const name of s.args.flatMap((a) => namesIn(a.value))) {
        const list = users.get(name);
        if (list === undefined) users.set(name, [s]);
        else if (list.at(-1) !== s) list.push(s);
      }
      for (const r of s.results) {
        types.set(r.name, r.type);
        definitions.set(r.name, s);
      }
    }
    return {
      f,
      types,
      definitions,
      users,
      inputs: new Set(f.inputs.map((i) => i.name)),
      outputs: new Set(f.outputs.map((o) => o.name)),
    };
  });
}

/** The context of a check or a fix. */
export function programContext(
  program: MilProgram,
  rest: Omit<ProgramContext, "program" | "functions">,
): ProgramContext {
  return { ...rest, program, functions: viewsOf(program) };
}

/** The names that a value mentions. */
export function namesIn(value: Value): readonly string[] {
  if (value.kind === "name") return [value.name];
  return value.kind === "tuple" || value.kind === "list" ? value.items.flatMap(namesIn) : [];
}

/** One statement in its function. */
export interface Site {
  readonly view: MilView;
  readonly s: Statement;
}

/** The statements of a program with one of these ops, or all of them. */
export function* sites(c: ProgramContext, ...ops: readonly string[]): Generator<Site> {
  for (const view of c.functions) {
    for (const s of view.f.body) if (ops.length === 0 || ops.includes(s.op)) yield { view, s };
  }
}

/** An input or output of a function. */
export interface Port {
  readonly view: MilView;
  readonly role: "input" | "output";
  readonly binding: Binding;
  readonly span: Span | undefined;
}

/** The inputs and outputs of all functions. */
export function* ports(c: ProgramContext): Generator<Port> {
  for (const view of c.functions) {
    for (const binding of view.f.inputs) yield { view, role: "input", binding, span: binding.span };
    for (const { name, span } of view.f.outputs) {
      const type = view.types.get(name);
      if (type !== undefined) yield { view, role: "output", binding: { type, name }, span };
    }
  }
}

/** An argument by name; older texts write parameters in the bracket. */
export function argument(s: Statement, name: string): Argument | undefined {
  return find(s.args, name) ?? find(s.attributes, name);
}

/** A type as a tensor, if it is one. */
export function tensorOf(type: MilType | undefined): Tensor | undefined {
  if (type?.kind === "scalar") return { element: type.element, shape: [] };
  if (type?.kind !== "tensor") return undefined;
  return { element: type.element, shape: type.shape.map((n) => (n === "?" ? 0 : n)) };
}

/** The tensor that a value is. */
export function tensorAt(view: MilView, value: Value | undefined): Tensor | undefined {
  if (value === undefined) return undefined;
  if (value.kind === "name") return tensorOf(view.types.get(value.name));
  return value.kind === "typed" ? tensorOf(value.type) : undefined;
}

/** The tensor that an argument is. */
export function operand(site: Site, name: string): Tensor | undefined {
  return tensorAt(site.view, argument(site.s, name)?.value);
}

/** The first result's tensor. */
export function result(s: Statement): Tensor | undefined {
  return tensorOf(s.results[0]?.type);
}

/** The statement that defines the value of an argument. */
export function source(site: Site, name: string): Statement | undefined {
  return definition(site.view, argument(site.s, name)?.value);
}

/** The statement that defines a value. */
export function definition(view: MilView, value: Value | undefined): Statement | undefined {
  return value?.kind === "name" ? view.definitions.get(value.name) : undefined;
}

/** The literal behind a value: written there, or that of a constant. */
export function literalOf(view: MilView, value: Value | undefined): Value | undefined {
  if (value?.kind !== "name") return value;
  const s = view.definitions.get(value.name);
  return s?.op === "const" ? argument(s, "val")?.value : undefined;
}

/** Whether a value is known when the program is compiled. */
export function isConstant(view: MilView, value: Value | undefined): boolean {
  if (value === undefined) return false;
  if (value.kind !== "name") return true;
  const op = view.definitions.get(value.name)?.op ?? "";
  return op === "const" || op.startsWith("constexpr_");
}

/** The integers or bools of a parameter. */
export function ints(site: Site, name: string): readonly number[] | undefined {
  const value = literalOf(site.view, argument(site.s, name)?.value);
  return value === undefined ? undefined : operandOfLiteral(value, undefined)?.ints;
}

/** One integer or bool, or `otherwise` if it is not given. */
export function int(site: Site, name: string, otherwise: number): number {
  return ints(site, name)?.[0] ?? otherwise;
}

/** The text of a parameter. */
export function text(site: Site, name: string): string | undefined {
  const value = literalOf(site.view, argument(site.s, name)?.value);
  return value === undefined ? undefined : operandOfLiteral(value, undefined)?.text;
}

/** The numbers of a literal, if it is written in the program and not longer than `longest`. */
export function numbersOf(
  view: MilView,
  value: Value | undefined,
  longest = 65_536,
): readonly number[] | undefined {
  let found = literalOf(view, value);
  while (found?.kind === "typed") found = found.value;
  if (found === undefined || found.kind === "blob") return undefined;
  const items = flatten(found);
  if (items.length > longest || items.some((i) => i.kind !== "number")) return undefined;
  return items.map((i) => (i.kind === "number" ? numberValue(i.text) : 0));
}

/** The one number of a scalar argument. */
export function scalar(site: Site, name: string): number | undefined {
  const found = numbersOf(site.view, argument(site.s, name)?.value, 1);
  return found?.length === 1 ? found[0] : undefined;
}

/** Whether a value is or is made from a BLOBFILE. */
export function isBlob(view: MilView, value: Value | undefined): boolean {
  let found = literalOf(view, value);
  while (found?.kind === "typed") found = found.value;
  return found?.kind === "blob";
}

/** A finding at the op of a statement. */
export function atOp(s: Statement, title: string, label = ""): Finding {
  return { title, span: s.span, label };
}

/** A finding at an argument of a statement. */
export function atArgument(s: Statement, name: string, title: string, label = ""): Finding {
  return { title, span: argument(s, name)?.span ?? s.span, label };
}

/** An axis counted from 0. */
export function axisFrom0(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The number of elements. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** `[1, 64, 1, 20]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** The ops that add up products. */
export const PRODUCT_OPS = ["matmul", "linear", "conv"];

/** The ops that reduce axes. */
export const REDUCTION_OPS = MIL_OPS.map((op) => op.name).filter((n) => n.startsWith("reduce_"));

/** The length over which one of `PRODUCT_OPS` adds up. */
export function contraction(site: Site): number | undefined {
  const x = operand(site, "x");
  switch (site.s.op) {
    case "matmul":
      return x?.shape.at(int(site, "transpose_x", 0) === 0 ? -1 : -2);
    case "linear":
      return x?.shape.at(-1);
    case "conv":
      return operand(site, "weight")?.shape[1];
    default:
      return undefined;
  }
}
