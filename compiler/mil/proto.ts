/**
 * A MIL program as Core ML's models hold it: a message of protobuf.
 *
 *     Program         1 version   2 functions: map   4 attributes: map
 *     Function        1 inputs   2 opset   3 block_specializations: map from opset to Block   4 attributes: map
 *     Block           2 outputs: names   3 operations
 *     Operation       1 type   2 inputs: map to Argument   3 outputs   5 attributes: map
 *     Argument        1 arguments: (1 name | 2 value)
 *     NamedValueType  1 name   2 type
 *     ValueType       1 tensor   2 list   3 tuple   4 dictionary   5 state
 *     TensorType      1 dataType   2 rank   3 dimensions: (1 constant (1 size) | 2 unknown)
 *     Value           2 type   3 immediateValue (1 tensor 2 tuple 3 list 4 dictionary)   5 blobFileValue
 *     TensorValue     1 floats 2 ints 3 bools 4 strings 5 longInts 6 doubles 7 bytes: (1 values)
 *
 * Source: MIL.proto of coremltools.
 */
import { bug } from "../support/bug.ts";
import { halfBits } from "../support/half.ts";
import { doubles, entry, floats, nested, text, whole, wholes } from "../support/protobuf.ts";
import { numberValue } from "./numbers.ts";
import {
  type Attribute,
  type Binding,
  type Dim,
  type ElementType,
  flatten,
  type MilFunction,
  type MilProgram,
  type MilType,
  type Statement,
  type TypedValue,
  type Value,
} from "./tree.ts";

/** `MILSpec.DataType`. */
const DATA_TYPES: Readonly<Record<ElementType, number>> = {
  bool: 1,
  string: 2,
  fp16: 10,
  fp32: 11,
  fp64: 12,
  bf16: 13,
  int8: 21,
  int16: 22,
  int32: 23,
  int64: 24,
  int4: 25,
  uint8: 31,
  uint16: 32,
  uint32: 33,
  uint64: 34,
  uint4: 35,
  uint2: 36,
  uint1: 37,
  uint6: 38,
  uint3: 39,
};

/** `ios15` in text is the opset `CoreML5` in a model, and so on. */
const FIRST_IOS = 15;
const FIRST_OPSET = 5;
/** Specification of the models that were the first to have `CoreML5`. */
const FIRST_SPECIFICATION = 6;

function generation(opset: string): number {
  const ios = /^ios(\d+)$/.exec(opset)?.[1] ?? bug(`no model has the opset ${opset}`);
  return Number(ios) - FIRST_IOS;
}

/** The `specificationVersion` of a model with functions of an opset such as `ios15`. */
export function specificationOf(opset: string): number {
  return FIRST_SPECIFICATION + generation(opset);
}

/** The bytes of `MILSpec.Program`. The tree is one that `checkMil` finds nothing wrong with. */
export function programMessage({ functions, attributes }: MilProgram): Uint8Array {
  return Buffer.concat([
    whole(1, 1),
    ...functions.map((f) => entry(2, f.name, functionField(f))),
    ...attributes.map((a) => attributeEntry(4, a)),
  ]);
}

function functionField({ inputs, opset, body, outputs, attributes }: MilFunction): Buffer {
  const name = `CoreML${FIRST_OPSET + generation(opset)}`;
  const block = nested(
    2,
    ...outputs.map((o) => text(2, o.name)),
    ...body.map((s) => nested(3, operation(s))),
  );
  return nested(
    2,
    ...inputs.map((i) => binding(1, i)),
    text(2, name),
    entry(3, name, block),
    ...attributes.map((a) => attributeEntry(4, a)),
  );
}

function operation({ op, args, results, attributes }: Statement): Buffer {
  return Buffer.concat([
    text(1, op),
    ...args.map((a) => entry(2, a.name, argument(a.value))),
    ...results.map((r) => binding(3, r)),
    ...attributes.map((a) => attributeEntry(5, a)),
  ]);
}

function argument(value: Value): Buffer {
  const items = value.kind === "tuple" ? value.items : [value];
  const bound = (item: Value): Buffer =>
    item.kind === "name" ? text(1, item.name) : nested(2, valueFields(asTyped(item)));
  return nested(2, ...items.map((item) => nested(1, bound(item))));
}

function binding(field: number, { name, type }: Binding): Buffer {
  return nested(field, text(1, name), nested(2, valueType(type)));
}

function attributeEntry(field: number, { name, value }: Attribute): Buffer {
  return entry(field, name, nested(2, valueFields(asTyped(value))));
}

function asTyped(value: Value): TypedValue {
  return value.kind === "typed" ? value : bug(`a ${value.kind} without its type`);
}

function valueType(type: MilType): Buffer {
  switch (type.kind) {
    case "scalar":
      return nested(1, tensorType(type.element, []));
    case "tensor":
      return nested(1, tensorType(type.element, type.shape));
    case "list":
      return nested(2, nested(1, valueType(type.item)), nested(2, dimension(type.length)));
    case "tuple":
      return nested(3, ...type.items.map((item) => nested(1, valueType(item))));
    case "dict":
      return nested(4, nested(1, valueType(type.key)), nested(2, valueType(type.value)));
    case "state":
      return nested(5, nested(1, valueType(type.of)));
    case "tensor_buffer":
      return bug("models have no tensor_buffer");
    default:
      return type satisfies never;
  }
}

function tensorType(element: ElementType, shape: readonly Dim[]): Buffer {
  return Buffer.concat([
    whole(1, DATA_TYPES[element]),
    whole(2, shape.length),
    ...shape.map((dim) => nested(3, dimension(dim))),
  ]);
}

function dimension(dim: Dim): Buffer {
  return dim === "?" ? nested(2) : nested(1, whole(1, dim));
}

function valueFields({ type, value }: TypedValue): Buffer {
  return Buffer.concat([nested(2, valueType(type)), content(type, value)]);
}

function content(type: MilType, value: Value): Buffer {
  if (value.kind === "blob") {
    const [path, offset] = [asTyped(value.path).value, asTyped(value.offset).value];
    if (path.kind !== "string" || offset.kind !== "number") return bug("a blob without a place");
    return nested(5, text(1, path.value), whole(2, BigInt(offset.text)));
  }
  if (type.kind === "dict" && value.kind === "dict") {
    const pairs = value.entries.map(([k, v]) =>
      nested(1, nested(1, valueFields(asTyped(k))), nested(2, valueFields(asTyped(v)))),
    );
    return nested(3, nested(4, ...pairs));
  }
  if (type.kind === "tuple" && value.kind === "tuple")
    return nested(3, nested(2, ...value.items.map((v) => nested(1, valueFields(asTyped(v))))));
  if (type.kind === "list" && value.kind === "list")
    return nested(3, nested(3, ...value.items.map((v) => nested(1, valueFields(asTyped(v))))));
  if (type.kind !== "scalar" && type.kind !== "tensor")
    return bug(`a ${value.kind} of ${type.kind}`);
  return nested(3, nested(1, tensorValue(type.element, flatten(value))));
}

/** How each element type is stored: in a list of its own, or as bytes. */
function tensorValue(element: ElementType, values: readonly Value[]): Buffer {
  if (element === "string") {
    const strings = values.map((v) => (v.kind === "string" ? v.value : bug("no string")));
    return nested(4, ...strings.map((s) => text(1, s)));
  }
  if (element === "bool")
    return nested(
      3,
      wholes(
        1,
        values.map((v) => (v.kind === "bool" ? v.value : numberOf(v) !== 0)),
      ),
    );
  const numbers = values.map(numberOf);
  const bytes = (array: Int8Array | Uint8Array | Uint16Array): Buffer =>
    nested(7, nested(1, new Uint8Array(array.buffer)));
  switch (element) {
    case "fp32":
      return nested(1, floats(1, numbers));
    case "fp64":
      return nested(6, doubles(1, numbers));
    case "fp16":
      return bytes(Uint16Array.from(numbers, halfBits));
    case "int8":
      return bytes(Int8Array.from(numbers));
    case "uint8":
      return bytes(Uint8Array.from(numbers));
    case "int64":
    case "uint64":
      return nested(
        5,
        wholes(
          1,
          values.map((v) => BigInt(v.kind === "number" ? v.text : 0)),
        ),
      );
    case "int16":
    case "int32":
    case "uint16":
    case "uint32":
      return nested(2, wholes(1, numbers));
    default:
      return bug(`a constant of ${element} stands in a weight file`);
  }
}

function numberOf(value: Value): number {
  if (value.kind === "number") return numberValue(value.text);
  if (value.kind === "typed") return numberOf(value.value);
  return bug(`a ${value.kind} is no number`);
}
