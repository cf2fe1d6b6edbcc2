/**
 * A tensor as it lies in a file: a type, a shape, bytes. And its conversion to and from the arrays
 * that we compute with; a conversion that changes nothing is a view where alignment allows it.
 */
import { tensorNotConvertible } from "../compiler/messages/files.ts";
import { invariant } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { halfValue } from "../compiler/support/half.ts";

/** Bytes of an element, by type. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U32: 4,
  U16: 2,
  U8: 1,
  I8: 1,
  BOOL: 1,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

export const dtypes = Object.keys(DTYPE_BYTES) as readonly Dtype[];

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}

export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major, little endian. Of a tensor by `madeTensor` it is made each time: take it once. */
  readonly data: Uint8Array;
  /** Of a tensor by `madeTensor`: what it is converted from, element by element and exactly. */
  readonly castOf?: Tensor;
}

/**
 * A tensor whose bytes are made each time they are asked for, and held by nobody: what becomes of a large model
 * on its way into a file takes the memory of one tensor. `make` gives a tensor of this type and shape. `castOf` is
 * a tensor with the same numbers in the same order, if there is one.
 */
export function madeTensor(
  dtype: Dtype,
  shape: readonly number[],
  make: () => Tensor,
  castOf?: Tensor,
): Tensor {
  return {
    dtype,
    shape,
    ...(castOf && { castOf }),
    get data(): Uint8Array {
      return make().data;
    },
  };
}

/** Bytes of a tensor, which are not made for that. */
export function byteLengthOf({ dtype, shape }: Tensor): number {
  return elementsOf(shape) * DTYPE_BYTES[dtype];
}

/** The product of the dimensions; 1 for a scalar. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The values as doubles. 64-bit whole numbers beyond 2^53 are rounded. */
export function toFloat64(tensor: Tensor): Float64Array {
  const values = arrayOf(tensor);
  return values instanceof Float64Array
    ? values
    : Float64Array.from(values as Iterable<number>, Number);
}

/** The values as fp32, rounded to nearest where they do not fit. A view of the tensor if it is F32. */
export function toFloat32(tensor: Tensor): Float32Array {
  const values = arrayOf(tensor);
  if (values instanceof Float32Array) return values;
  if (values instanceof BigInt64Array) return Float32Array.from(toFloat64(tensor));
  return Float32Array.from(values);
}

/**
 * The values as 32-bit whole numbers. A view of the tensor if it is I32. `name` is for the message:
 * throws a `UserError` (E0720) if the tensor holds fractions or a number that does not fit.
 */
export function toInt32(tensor: Tensor, name: string): Int32Array {
  const fail = (what: string): never => {
    throw new UserError(tensorNotConvertible(name, tensor.dtype, what));
  };
  const values = arrayOf(tensor);
  if (values instanceof Int32Array) return values;
  if (values instanceof Float32Array || values instanceof Float64Array) {
    return fail("it is of a type for fractions");
  }
  return Int32Array.from(values as Iterable<number | bigint>, (value) => {
    const whole = Number(value);
    return whole === (whole | 0) ? whole : fail(`${value} does not fit`);
  });
}

type Values =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | Int8Array;

function arrayOf(tensor: Tensor): Values {
  const { buffer, byteOffset, byteLength } = aligned(tensor);
  const length = byteLength / DTYPE_BYTES[tensor.dtype];
  switch (tensor.dtype) {
    case "F64":
      return new Float64Array(buffer, byteOffset, length);
    case "F32":
      return new Float32Array(buffer, byteOffset, length);
    case "F16":
      return fromHalf(new Uint16Array(buffer, byteOffset, length));
    case "BF16":
      return fromBfloat(new Uint16Array(buffer, byteOffset, length));
    case "I64":
      return new BigInt64Array(buffer, byteOffset, length);
    case "I32":
      return new Int32Array(buffer, byteOffset, length);
    case "U32":
      return new Uint32Array(buffer, byteOffset, length);
    case "U16":
      return new Uint16Array(buffer, byteOffset, length);
    case "U8":
    case "BOOL":
      return new Uint8Array(buffer, byteOffset, length);
    case "I8":
      return new Int8Array(buffer, byteOffset, length);
    default:
      return tensor.dtype satisfies never;
  }
}

/** The tensor's bytes where a typed array can view them: in place, or in a copy. */
function aligned({ dtype, data }: Tensor): Uint8Array {
  return data.byteOffset % DTYPE_BYTES[dtype] === 0 ? data : new Uint8Array(data);
}

/** Beyond this many elements, a table of all 65,536 values costs less than converting each. */
const TABLE_PAYS_FROM = 1 << 17;

function fromHalf(bits: Uint16Array): Float32Array {
  if (bits.length < TABLE_PAYS_FROM) return Float32Array.from(bits, halfValue);
  const table = Float32Array.from({ length: 65536 }, (_, i) => halfValue(i));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

/** bfloat16 is the upper half of an fp32. */
function fromBfloat(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/** A tensor over the memory of `data`, not a copy. */
export function fromFloat64(shape: readonly number[], data: Float64Array): Tensor {
  return over("F64", shape, data);
}

/** A tensor over the memory of `data`, not a copy. */
export function fromFloat32(shape: readonly number[], data: Float32Array): Tensor {
  return over("F32", shape, data);
}

/** A tensor over the memory of `data`, not a copy. `data` holds fp16 bit patterns. */
export function fromHalfBits(shape: readonly number[], data: Uint16Array): Tensor {
  return over("F16", shape, data);
}

/** A tensor over the memory of `data`, not a copy. */
export function fromInt32(shape: readonly number[], data: Int32Array): Tensor {
  return over("I32", shape, data);
}

/** A tensor over the memory of `data`, not a copy. */
export function fromUint32(shape: readonly number[], data: Uint32Array): Tensor {
  return over("U32", shape, data);
}

/** A tensor over the memory of `data`, not a copy. */
export function fromUint8(shape: readonly number[], data: Uint8Array): Tensor {
  return over("U8", shape, data);
}

function over(
  dtype: Dtype,
  shape: readonly number[],
  values: ArrayBufferView & { length: number },
): Tensor {
  invariant(
    elementsOf(shape) === values.length,
    `[${shape}] does not hold ${values.length} values`,
  );
  return {
    dtype,
    shape,
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}
