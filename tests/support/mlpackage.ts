/** Reads a Core ML package back: a decoder of its own for what `model.mlmodel` holds. */

import { hexFloat } from "../../compiler/mil/numbers.ts";
import type {
  Attribute,
  Binding,
  ElementType,
  MilFunction,
  MilProgram,
  MilType,
  Statement,
  TypedValue,
  Value,
} from "../../compiler/mil/tree.ts";
import { stringValue, typed, typeOf } from "../../compiler/mil/tree.ts";
import { halfValue } from "../../compiler/support/half.ts";
import { fieldsOf, packed } from "./protobuf.ts";

/** A feature of the model: its name, its sizes, and the code of its elements. */
export interface Feature {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dataType: number;
}

export interface DecodedModel {
  readonly specification: number;
  readonly inputs: readonly Feature[];
  readonly outputs: readonly Feature[];
  readonly description: string;
  readonly program: MilProgram;
}

const all = (bytes: Buffer, field: number): Buffer[] =>
  fieldsOf(bytes).flatMap(([n, value]) => (n === field ? [value as Buffer] : []));
const one = (bytes: Buffer, field: number): Buffer => all(bytes, field)[0] ?? Buffer.alloc(0);
const word = (bytes: Buffer, field: number): string => one(bytes, field).toString();
const number = (bytes: Buffer, field: number): number =>
  (fieldsOf(bytes).find(([n]) => n === field)?.[1] as number | undefined) ?? 0;

export function decodeModel(bytes: Buffer): DecodedModel {
  const description = one(bytes, 2);
  const feature = (field: Buffer): Feature => {
    const array = one(one(field, 3), 5);
    return { name: word(field, 1), shape: packed(one(array, 1)), dataType: number(array, 2) };
  };
  return {
    specification: number(bytes, 1),
    inputs: all(description, 1).map(feature),
    outputs: all(description, 10).map(feature),
    description: word(one(description, 100), 1),
    program: {
      version: "1.0",
      attributes: [],
      functions: all(one(bytes, 502), 2).map((e) => functionOf(word(e, 1), one(e, 2))),
    },
  };
}

function functionOf(name: string, bytes: Buffer): MilFunction {
  const opset = word(bytes, 2);
  const specialization = one(bytes, 3);
  if (word(specialization, 1) !== opset) throw new Error(`no block for ${opset}`);
  const block = one(specialization, 2);
  return {
    name,
    opset: `ios${Number(opset.replace("CoreML", "")) + 10}`,
    inputs: all(bytes, 1).map(bindingOf),
    attributes: all(bytes, 4).map(attributeOf),
    body: all(block, 3).map(statementOf),
    outputs: all(block, 2).map((output) => ({ name: output.toString() })),
  };
}

function statementOf(bytes: Buffer): Statement {
  return {
    op: word(bytes, 1),
    args: all(bytes, 2).map((e) => ({ name: word(e, 1), value: argumentOf(one(e, 2)) })),
    results: all(bytes, 3).map(bindingOf),
    attributes: all(bytes, 5).map(attributeOf),
  };
}

function argumentOf(bytes: Buffer): Value {
  const items = all(bytes, 1).map((bound): Value => {
    const [value] = all(bound, 2);
    return value === undefined ? { kind: "name", name: word(bound, 1) } : typedFrom(value);
  });
  return items.length === 1 ? items[0]! : { kind: "tuple", items };
}

function bindingOf(bytes: Buffer): Binding {
  return { name: word(bytes, 1), type: typeFrom(one(bytes, 2)) };
}

function attributeOf(bytes: Buffer): Attribute {
  return { name: word(bytes, 1), value: typedFrom(one(bytes, 2)) };
}

const ELEMENTS: Readonly<Record<number, ElementType>> = {
  ...{ 1: "bool", 2: "string", 10: "fp16", 11: "fp32", 23: "int32" },
};

function typeFrom(bytes: Buffer): MilType & { readonly kind: "scalar" | "tensor" } {
  const tensor = one(bytes, 1);
  const shape = all(tensor, 3).map((dimension) => number(one(dimension, 1), 1));
  if (number(tensor, 2) !== shape.length) throw new Error("a rank that is not the number of sizes");
  return typeOf(ELEMENTS[number(tensor, 1)]!, shape);
}

function typedFrom(bytes: Buffer): TypedValue {
  const type = typeFrom(one(bytes, 2));
  const [file] = all(bytes, 5);
  if (file !== undefined) {
    const offset = typed(typeOf("uint64", []), { kind: "number", text: String(number(file, 2)) });
    return typed(type, { kind: "blob", path: stringValue(word(file, 1)), offset });
  }
  const items = scalarsOf(type.element, one(one(bytes, 3), 1));
  return typed(type, type.kind === "scalar" ? items[0]! : { kind: "list", items });
}

/** How the elements of each type are stored: field of `TensorValue`, and how to read its `values`. */
function scalarsOf(element: ElementType, tensor: Buffer): Value[] {
  const float = (value: number): Value => ({ kind: "number", text: hexFloat(value) });
  switch (element) {
    case "string":
      return all(one(tensor, 4), 1).map((s) => ({ kind: "string", value: s.toString() }));
    case "bool":
      return packed(one(one(tensor, 3), 1)).map((v) => ({ kind: "bool", value: v !== 0 }));
    case "int32":
      return packed(one(one(tensor, 2), 1)).map((v) => ({ kind: "number", text: String(v) }));
    case "fp32": {
      const bytes = one(one(tensor, 1), 1);
      return Array.from({ length: bytes.length / 4 }, (_, i) => float(bytes.readFloatLE(4 * i)));
    }
    case "fp16": {
      const bytes = one(one(tensor, 7), 1);
      const half = (i: number): number => halfValue(bytes.readUInt16LE(2 * i));
      return Array.from({ length: bytes.length / 2 }, (_, i) => float(half(i)));
    }
    default:
      throw new Error(`no constants of ${element} are expected`);
  }
}
