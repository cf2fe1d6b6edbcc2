/**
 * Writes MIL functions op by op; the types of results follow from the table of ops.
 *
 *     milFunction("main", [{ name: "x", shape: [1, 64, 1, 32] }], (b) => {
 *       const x = b.input("x");
 *       return { y: b.mul(x, b.sigmoid(x)) };
 *     })
 *
 * Parameters (axes, shapes, flags) become named constants, which every path into the engine accepts
 * where some refuse literals in arguments. Equal constants are written once. Names come from ops
 * and constants' values, or from the `name` that a caller gives, and do not depend on anything
 * else.
 *
 * Operands that do not fit are a mistake of the caller, hence a `bug()`.
 */
import { bug, invariant } from "../support/bug.ts";
import { roundToHalf } from "../support/half.ts";
import { isMistake, type Operand, resultsOf, type Shaped, sizeOf } from "./infer.ts";
import { hexFloat } from "./numbers.ts";
import { type ArgumentKind, accepts, isParameter, kindWords, milOp } from "./ops.ts";
import {
  type Argument,
  type Attribute,
  type Binding,
  type Dim,
  type ElementType,
  type MilFunction,
  type MilProgram,
  RESERVED_NAMES,
  type Statement,
  stringValue,
  typed,
  typeOf,
  type Value,
} from "./tree.ts";

/** The result of a statement, an input or a constant of the function being built. */
export interface MilVar extends Shaped {
  /** Number of the value in its function; the name is settled when the function is complete. */
  readonly id: number;
}

export interface InputSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Default: fp16. */
  readonly element?: ElementType;
}

/** What may stand for an argument: parameters are given as plain values. */
export type BuildArgument =
  | MilVar
  | number
  | boolean
  | string
  | readonly number[]
  | readonly MilVar[];

export interface Named {
  /** Wish for the name of the result; a number is added if it is taken. */
  readonly name?: string;
}

/** Where a weight is stored. */
export interface WeightPlace {
  /** `@model_path/weights/…` */
  readonly path: string;
  /** Of the record's descriptor. */
  readonly offset: number;
}

/** Adds statements to one function. */
export interface MilCore {
  input(name: string): MilVar;
  /** A scalar; fp16 by default. */
  scalar(value: number, o?: Named & { readonly element?: ElementType }): MilVar;
  /** An inline tensor of numbers in row-major order; fp16 by default. */
  tensor(
    values: ArrayLike<number>,
    shape: readonly number[],
    o?: Named & { readonly element?: ElementType },
  ): MilVar;
  /** A constant in a weight file; fp16 by default. */
  weight(
    place: WeightPlace,
    shape: readonly number[],
    o?: Named & { readonly element?: ElementType },
  ): MilVar;
  /** Any op of the table. A number given for a value becomes a constant of the type of `x`. */
  op(op: string, args: Readonly<Record<string, BuildArgument>>, o?: Named): MilVar;
  /** The same for an op of several results. */
  ops(op: string, args: Readonly<Record<string, BuildArgument>>, o?: Named): readonly MilVar[];
}

interface Draft {
  readonly results: readonly { readonly id: number; readonly wish: string }[];
  readonly make: (nameOf: (id: number) => string) => Statement;
}

/** The functions of a builder that the helpers of `build_ops.ts` are made from. */
export function milCore(inputs: readonly InputSpec[]): {
  readonly core: MilCore;
  readonly finish: (
    name: string,
    outputs: Readonly<Record<string, MilVar>>,
    opset: string,
  ) => MilFunction;
} {
  const drafts: Draft[] = [];
  const constants = new Map<string, MilVar>();
  const vars = new Map<string, MilVar>();
  let count = 0;
  const fresh = (element: ElementType, shape: readonly number[]): MilVar => ({
    id: count++,
    element,
    shape,
  });
  for (const { name, shape, element } of inputs) vars.set(name, fresh(element ?? "fp16", shape));

  /** A constant of `type(value)`, once per function. */
  const constant = (
    element: ElementType,
    shape: readonly number[],
    value: Value,
    wish: string,
  ): MilVar => {
    const type = typeOf(element, shape);
    const key = JSON.stringify([element, shape, value]);
    const found = constants.get(key);
    if (found !== undefined) return found;
    const result = fresh(element, shape);
    constants.set(key, result);
    drafts.push({
      results: [{ id: result.id, wish }],
      make: (nameOf) =>
        statement([{ type, name: nameOf(result.id) }], "const", [], typed(type, value)),
    });
    return result;
  };

  const core: MilCore = {
    input: (name) => vars.get(name) ?? bug(`the MIL function has no input \`${name}\``),

    scalar(value, o = {}) {
      const element = o.element ?? "fp16";
      const wish = o.name ?? `${element}_${spell(value)}`;
      return constant(element, [], numberLiteral(value, element), wish);
    },

    tensor(values, shape, o = {}) {
      const element = o.element ?? "fp16";
      const items = Array.from(values, (v) => numberLiteral(v, element));
      const size = sizeOf(shape);
      invariant(items.length === size, `an inline tensor has ${items.length} values, not ${size}`);
      const wish =
        o.name ??
        (items.length <= 8 ? `${element}s_${Array.from(values, spell).join("_")}` : "table");
      return constant(element, shape, { kind: "list", items }, wish);
    },

    weight({ path, offset }, shape, o = {}) {
      const at = typed(typeOf("uint64", []), { kind: "number", text: String(offset) });
      const value: Value = { kind: "blob", path: stringValue(path), offset: at };
      return constant(o.element ?? "fp16", shape, value, o.name ?? "weight");
    },

    op: (name, args, o) => core.ops(name, args, o)[0]!,

    ops(name, args, o = {}) {
      const op = milOp(name) ?? bug(`there is no MIL op \`${name}\``);
      const operands = new Map<string, readonly Operand[]>();
      const ids: { name: string; ids: readonly number[]; many: boolean }[] = [];
      const given = { ...args };
      for (const spec of op.args) {
        const arg = given[spec.name];
        delete given[spec.name];
        if (arg === undefined) {
          invariant(!spec.required, `\`${name}\` needs \`${spec.name}\``);
          continue;
        }
        const list: readonly MilVar[] = isVars(arg) ? arg : [asVar(arg, spec.kind, args)];
        for (const v of list) {
          const fits = accepts(spec.kind, v.element);
          invariant(
            fits,
            `\`${spec.name}\` of \`${name}\` must be ${kindWords(spec)}, not ${v.element}`,
          );
        }
        const known = isVars(arg) || isVar(arg) || !isParameter(spec.kind) ? {} : knownOf(arg);
        operands.set(
          spec.name,
          list.map((v) => ({ ...v, ...known })),
        );
        ids.push({ name: spec.name, ids: list.map((v) => v.id), many: spec.many });
      }
      const unknown = Object.keys(given);
      invariant(unknown.length === 0, `\`${name}\` has no argument \`${unknown.join("`, `")}\``);
      const answer = op.rule(operands);
      if (isMistake(answer)) {
        const types = answer.given.map(([arg, text]) => `${arg} is ${text}`).join(", ");
        return bug(`\`${answer.argument}\` of \`${name}\` ${answer.expected}: ${types}`);
      }
      const outs = answer === "open" ? [] : resultsOf(answer);
      invariant(outs.length > 0, `\`${name}\` has no result to build on`);
      const results = outs.map((out) => fresh(out.element, out.shape));
      const several = (i: number): string => (results.length === 1 ? "" : `_${i}`);
      drafts.push({
        results: results.map(({ id }, i) => ({ id, wish: (o.name ?? name) + several(i) })),
        make: (nameOf) => {
          const written = ids.map((arg): Argument => {
            const names = arg.ids.map((id): Value => ({ kind: "name", name: nameOf(id) }));
            return {
              name: arg.name,
              value: arg.many ? { kind: "tuple", items: names } : names[0]!,
            };
          });
          const bindings = results.map(
            ({ id, element, shape }): Binding => ({
              type: typeOf(element, shape),
              name: nameOf(id),
            }),
          );
          return statement(bindings, name, written);
        },
      });
      return results;
    },
  };

  function asVar(
    arg: Exclude<BuildArgument, readonly MilVar[]>,
    kind: ArgumentKind,
    args: Readonly<Record<string, BuildArgument>>,
  ): MilVar {
    if (isVar(arg)) return arg;
    if (typeof arg === "boolean")
      return constant("bool", [], { kind: "bool", value: arg }, arg ? "yes" : "no");
    if (typeof arg === "string")
      return constant("string", [], { kind: "string", value: arg }, `text_${arg}`);
    if (typeof arg === "object") {
      const items = arg.map((v) => numberLiteral(v, "int32"));
      return constant(
        "int32",
        [arg.length],
        { kind: "list", items },
        `ints_${arg.map(spell).join("_")}`,
      );
    }
    if (kind === "int")
      return constant("int32", [], numberLiteral(arg, "int32"), `int_${spell(arg)}`);
    const partner = Object.values(args).find((a) => isVar(a));
    return core.scalar(arg, { element: isVar(partner) ? partner.element : "fp16" });
  }

  const finish = (
    name: string,
    outputs: Readonly<Record<string, MilVar>>,
    opset: string,
  ): MilFunction => {
    const names = new Map<number, string>();
    const given = [...inputs.map((i) => i.name), ...Object.keys(outputs)];
    for (const port of given) invariant(legal(port) === port, `\`${port}\` is no name in MIL`);
    const taken = new Set([...given, ...RESERVED_NAMES]);
    const settled = new Set(drafts.flatMap((d) => d.results.map((r) => r.id)));
    for (const constantVar of constants.values()) settled.delete(constantVar.id);
    for (const [input, v] of vars) names.set(v.id, input);
    for (const [output, v] of Object.entries(outputs)) {
      // An input, a constant or a value returned twice gets its output's name from an `identity`.
      const own = settled.delete(v.id) ? v : core.op("identity", { x: v });
      names.set(own.id, output);
    }
    for (const { id, wish } of drafts.flatMap((d) => d.results)) {
      if (names.has(id)) continue;
      const name = legal(wish);
      let free = name;
      for (let n = 1; taken.has(free); n++) free = `${name}_${n}`;
      taken.add(free);
      names.set(id, free);
    }
    const nameOf = (id: number): string =>
      names.get(id) ?? bug(`value ${id} is of another function`);
    return {
      name,
      opset,
      inputs: inputs.map(
        (i): Binding => ({ type: typeOf(i.element ?? "fp16", i.shape), name: i.name }),
      ),
      attributes: [],
      body: drafts.map((d) => d.make(nameOf)),
      outputs: Object.keys(outputs).map((output) => ({ name: output })),
    };
  };
  return { core, finish };
}

function isVar(arg: BuildArgument | undefined): arg is MilVar {
  return typeof arg === "object" && "id" in arg;
}

function isVars(arg: BuildArgument): arg is readonly MilVar[] {
  return Array.isArray(arg) && typeof arg[0] === "object";
}

function knownOf(arg: Exclude<BuildArgument, MilVar | readonly MilVar[]>): Partial<Operand> {
  if (typeof arg === "string") return { text: arg };
  const numbers = typeof arg === "object" ? arg : [Number(arg)];
  return { numbers, ints: numbers };
}

function statement(
  results: readonly Binding[],
  op: string,
  args: readonly Argument[],
  val?: Value,
): Statement {
  const attributes: Attribute[] = [{ name: "name", value: stringValue(results[0]!.name) }];
  if (val !== undefined) attributes.push({ name: "val", value: val });
  return { results, op, args, attributes };
}

/** A number of an element type: hexadecimal floats, decimal integers. */
function numberLiteral(value: number, element: ElementType): Value {
  if (element === "bool") return { kind: "bool", value: value !== 0 };
  if (accepts("wholes", element)) {
    invariant(Number.isSafeInteger(value), `${value} is not an integer`);
    return { kind: "number", text: String(value + 0) };
  }
  const fits = element !== "fp16" || !Number.isFinite(value) || Number.isFinite(roundToHalf(value));
  invariant(fits, `${value} does not fit fp16`);
  return { kind: "number", text: hexFloat(value) };
}

/** A number, to five digits, as part of a name: -0.5 is `m0p5`. */
function spell(value: number): string {
  const short = Number(value.toPrecision(5));
  const small = value !== 0 && Math.abs(value) < 1e-3;
  const text = small ? short.toExponential() : String(short);
  return text.replace("+", "").replaceAll("-", "m").replace(".", "p");
}

/** A wish as a legal name: `block.3.attn.wq` is `block_3_attn_wq`. */
function legal(wish: string): string {
  const name = wish.replace(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`;
}

/** `[buildInfo = …]` of the programs we make; the text that all known chips and systems take. */
const BUILD_INFO = {
  "coremlc-component-MIL": "3510.2.1",
  "coremlc-version": "3505.4.1",
  "coremltools-component-milinternal": "",
  "coremltools-version": "9.0",
} as const;

/** A program of our dialect: version 1.3 and the usual build information. */
export function milProgram(functions: readonly MilFunction[]): MilProgram {
  const text = typeOf("string", [] as Dim[]);
  const entries = Object.entries(BUILD_INFO).map(([key, value]): readonly [Value, Value] => [
    { kind: "string", value: key },
    { kind: "string", value },
  ]);
  const info = typed({ kind: "dict", key: text, value: text }, { kind: "dict", entries });
  return { version: "1.3", attributes: [{ name: "buildInfo", value: info }], functions };
}
