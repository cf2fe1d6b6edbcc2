/**
 * MIL text as a tree: programs of functions of statements, exactly as far as the text says.
 *
 *     tensor<fp16, [1, 8]> y = add(x = a, y = b)[name = string("y")];
 *
 * is a `Statement` with one result, op `add`, two arguments and one attribute. Types and literals
 * stay as they were spelled: `fp16(0.125)` and `tensor<fp16, []>(0x1p-3)` are different trees, so a
 * program prints in the style in which it was read. Spans say where a node stood; equality ignores
 * them.
 */
import type { Span } from "../support/source.ts";

/** The element types of MIL tensors, in the order in which documentation lists them. */
export const ELEMENT_TYPES = [
  "fp16",
  "fp32",
  "fp64",
  "bf16",
  "bool",
  "string",
  "int4",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint1",
  "uint2",
  "uint3",
  "uint4",
  "uint6",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
] as const;

export type ElementType = (typeof ELEMENT_TYPES)[number];

/** Whether `name` is an element type. */
export function isElementType(name: string): name is ElementType {
  return (ELEMENT_TYPES as readonly string[]).includes(name);
}

/** The types that take parameters in `<…>`. */
export const CONSTRUCTORS = ["tensor", "list", "tuple", "dict", "state", "tensor_buffer"] as const;

/** All words with which a type starts. */
export const TYPE_NAMES: readonly string[] = [...CONSTRUCTORS, ...ELEMENT_TYPES];

/** Words with a meaning of their own in MIL text, which no value is called. */
export const RESERVED_NAMES: readonly string[] = [
  ...TYPE_NAMES,
  ...["true", "false", "inf", "nan", "program", "func", "BLOBFILE"],
];

/** A dimension; `?` is known only when the program runs. */
export type Dim = number | "?";

export interface ScalarType {
  readonly kind: "scalar";
  readonly element: ElementType;
}

export interface TensorType {
  readonly kind: "tensor";
  readonly element: ElementType;
  readonly shape: readonly Dim[];
}

/** `tensor_buffer<fp16, shape=[1, 8], strides=[8, 1]>`; the fields in the order of the text. */
export interface BufferType {
  readonly kind: "tensor_buffer";
  readonly element: ElementType;
  readonly fields: readonly { readonly name: string; readonly values: readonly Dim[] }[];
}

export type MilType =
  | ScalarType
  | TensorType
  | BufferType
  | { readonly kind: "list"; readonly item: MilType; readonly length: Dim }
  | { readonly kind: "tuple"; readonly items: readonly MilType[] }
  | { readonly kind: "dict"; readonly key: MilType; readonly value: MilType }
  | { readonly kind: "state"; readonly of: MilType };

/** `type(value)`. */
export interface TypedValue {
  readonly kind: "typed";
  readonly type: MilType;
  readonly value: Value;
}

/** `BLOBFILE(path = …, offset = …)`: a record of a weight file. */
export interface BlobValue {
  readonly kind: "blob";
  readonly path: Value;
  readonly offset: Value;
}

/** What stands on the right of `=` in an argument or attribute. */
export type Value =
  /**
   * A number as spelled, so that hex floats and 64-bit integers stay exact (`numberValue` reads
   * it).
   */
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  /** `[a, b]` */
  | { readonly kind: "list"; readonly items: readonly Value[] }
  /** `(a, b)` */
  | { readonly kind: "tuple"; readonly items: readonly Value[] }
  /** `{{k, v}, {k, v}}` */
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Value, Value])[] }
  /** The name of an input or of an earlier result; only in arguments. */
  | { readonly kind: "name"; readonly name: string }
  | BlobValue
  | TypedValue;

/** `name = value`, in the brackets of a program, function or statement. */
export interface Attribute {
  readonly name: string;
  readonly value: Value;
  /** Of the value. */
  readonly span?: Span;
  readonly nameSpan?: Span;
}

/** `name = value`, in the parentheses of an op. */
export type Argument = Attribute;

/** `type name`: a function's input or a statement's result. */
export interface Binding {
  readonly type: MilType;
  readonly name: string;
  /** Of the name. */
  readonly span?: Span;
}

/** `results = op<opset>(args)[attributes];` */
export interface Statement {
  /** None for ops that only have an effect (`write_state`). */
  readonly results: readonly Binding[];
  readonly op: string;
  readonly opset?: string;
  readonly args: readonly Argument[];
  readonly attributes: readonly Attribute[];
  /** Of the op's name. */
  readonly span?: Span;
}

/** A name in `-> (a, b);`. */
export interface Output {
  readonly name: string;
  readonly span?: Span;
}

export interface MilFunction {
  readonly name: string;
  /** `ios18`. */
  readonly opset: string;
  readonly inputs: readonly Binding[];
  readonly attributes: readonly Attribute[];
  readonly body: readonly Statement[];
  readonly outputs: readonly Output[];
  /** Of the function's name. */
  readonly span?: Span;
}

export interface MilProgram {
  /** `1.3`, as spelled. */
  readonly version: string;
  readonly attributes: readonly Attribute[];
  readonly functions: readonly MilFunction[];
  /** Of `program(1.3)`. */
  readonly span?: Span;
}

/** `tensor<element, shape>`, or the bare element type for no dimensions. */
export function typeOf(element: ElementType, shape: readonly Dim[]): ScalarType | TensorType {
  return shape.length === 0 ? { kind: "scalar", element } : { kind: "tensor", element, shape };
}

/** `type(value)`. */
export function typed(type: MilType, value: Value): TypedValue {
  return { kind: "typed", type, value };
}

/** `string("text")`. */
export function stringValue(text: string): TypedValue {
  return typed({ kind: "scalar", element: "string" }, { kind: "string", value: text });
}

/** The argument or attribute called `name`. */
export function find(list: readonly Attribute[], name: string): Attribute | undefined {
  return list.find((item) => item.name === name);
}

/** Any node of a tree. */
export type MilNode = MilProgram | MilFunction | Statement | Attribute | Binding | MilType | Value;

/** Whether two trees say the same; where they stood in a text does not count. */
export function sameTree(a: MilNode, b: MilNode): boolean {
  return same(a, b);
}

const isPlace = (key: string): boolean => key === "span" || key === "nameSpan";

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
    return true;
  }
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  for (const key in left) if (!isPlace(key) && !same(left[key], right[key])) return false;
  for (const key in right) if (!isPlace(key) && !(key in left)) return false;
  return true;
}

/** The scalars of nested lists, in row-major order; anything else is a list of itself. */
export function flatten(value: Value): readonly Value[] {
  if (value.kind !== "list") return [value];
  if (value.items.every((item) => item.kind !== "list")) return value.items;
  const out: Value[] = [];
  const visit = (v: Value): void => {
    if (v.kind === "list") for (const item of v.items) visit(item);
    else out.push(v);
  };
  visit(value);
  return out;
}
