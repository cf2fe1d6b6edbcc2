/** The bytes of a GGUF file, version 3, tensor by tensor, so that no second copy of a model is held. */
import { precisionLost } from "../compiler/messages/formats.ts";
import { bug, invariant } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { castTensor } from "./cast.ts";
import {
  alignUp,
  DEFAULT_ALIGNMENT,
  type GgufValue,
  type Scalar,
  type ScalarType,
  TENSOR_TYPES,
  type TensorType,
  tensorBytes,
  VALUE_BYTES,
  valueTypes,
} from "./gguf_types.ts";
import { fitsQ8, quantizeQ8 } from "./quantized.ts";
import { elementsOf, type Tensor, toFloat32 } from "./tensor.ts";

/** A tensor to be written. */
export interface GgufOutput {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** The values, made when their turn comes. */
  readonly values: () => Tensor;
}

/**
 * The bytes of a file, in chunks. The iteration throws a `UserError` (E0759) for a
 * number that its tensor's type cannot hold.
 */
export function* encodeGgufParts(
  values: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufOutput[],
): Generator<Uint8Array, void, void> {
  const head = [utf8.encode("GGUF"), u32(3), u64(tensors.length), u64(values.size)];
  for (const [key, value] of values) head.push(text(key), ...encodeValue(value));
  let offset = 0;
  for (const { name, type, shape } of tensors) {
    head.push(text(name), u32(shape.length));
    for (const size of shape.toReversed()) head.push(u64(size));
    head.push(u32(TENSOR_TYPES[type].id), u64(offset));
    offset = alignUp(offset + tensorBytes(type, elementsOf(shape)), DEFAULT_ALIGNMENT);
  }
  yield* padded(Buffer.concat(head));
  for (const { name, type, shape, values: make } of tensors) {
    const tensor = make();
    invariant(elementsOf(tensor.shape) === elementsOf(shape), `tensor ${name} changed its size`);
    yield* padded(bytesOf(name, type, tensor));
  }
}

function* padded(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  yield bytes;
  const missing = alignUp(bytes.length, DEFAULT_ALIGNMENT) - bytes.length;
  if (missing > 0) yield new Uint8Array(missing);
}

function bytesOf(name: string, type: TensorType, tensor: Tensor): Uint8Array {
  switch (type) {
    case "F32":
    case "F16":
    case "BF16":
      return castTensor(tensor, type, name).data;
    case "Q8_0": {
      const values = toFloat32(tensor);
      const bad = values.find((value) => !fitsQ8(value));
      if (bad !== undefined) throw new UserError(precisionLost(name, "q8_0", bad));
      return quantizeQ8(values);
    }
    case "Q4_0":
    case "Q4_1":
      return bug(`tensor ${name} is not to be written as ${type}`);
    default:
      return type satisfies never;
  }
}

const utf8 = new TextEncoder();

function scalar(type: ScalarType, value: Scalar): Uint8Array {
  if (type === "string") return text(String(value));
  const bytes = new Uint8Array(VALUE_BYTES[type]);
  const view = new DataView(bytes.buffer);
  switch (type) {
    case "u8":
    case "bool":
      view.setUint8(0, Number(value));
      break;
    case "i8":
      view.setInt8(0, Number(value));
      break;
    case "u16":
      view.setUint16(0, Number(value), true);
      break;
    case "i16":
      view.setInt16(0, Number(value), true);
      break;
    case "u32":
      view.setUint32(0, Number(value), true);
      break;
    case "i32":
      view.setInt32(0, Number(value), true);
      break;
    case "f32":
      view.setFloat32(0, Number(value), true);
      break;
    case "f64":
      view.setFloat64(0, Number(value), true);
      break;
    case "u64":
      view.setBigUint64(0, BigInt(value), true);
      break;
    case "i64":
      view.setBigInt64(0, BigInt(value), true);
      break;
    default:
      return type satisfies never;
  }
  return bytes;
}

const u32 = (value: number): Uint8Array => scalar("u32", value);
const u64 = (value: number): Uint8Array => scalar("u64", BigInt(value));

function text(value: string): Uint8Array {
  const bytes = utf8.encode(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function encodeValue(given: GgufValue): Uint8Array[] {
  const type = u32(valueTypes.indexOf(given.type));
  if (given.type !== "array") return [type, scalar(given.type, given.value)];
  const { of, items } = given;
  return [
    ...[type, u32(valueTypes.indexOf(of)), u64(items.length)],
    Buffer.concat(items.map((item) => scalar(of, item))),
  ];
}
