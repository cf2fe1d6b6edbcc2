/** Tensors in other types of numbers: f32, f16, bf16, rounded to nearest with ties to even. */
import { precisionLost } from "../compiler/messages/formats.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { halfBits } from "../compiler/support/half.ts";
import {
  type Dtype,
  fromFloat32,
  fromHalfBits,
  madeTensor,
  type Tensor,
  toFloat32,
} from "./tensor.ts";

/** Types that weights of models come in. */
export const weightDtypes = ["F32", "F16", "BF16"] as const;

export type WeightDtype = (typeof weightDtypes)[number];

export function isWeightDtype(dtype: Dtype): dtype is WeightDtype {
  return (weightDtypes as readonly string[]).includes(dtype);
}

/**
 * The tensor in another type; itself if it has it. `name` is for the message: throws a `UserError` (E0759) for
 * a number that is finite and becomes infinite.
 */
export function castTensor(tensor: Tensor, dtype: WeightDtype, name: string): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const values = toFloat32(tensor);
  if (dtype === "F32") return fromFloat32(tensor.shape, values);
  const bits = dtype === "F16" ? manyHalfBits(values) : bfloatBits(values);
  const infinite = dtype === "F16" ? 0x7c00 : 0x7f80;
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & 0x7fff) === infinite && Number.isFinite(values[i]!)) {
      throw new UserError(precisionLost(name, dtype.toLowerCase(), values[i]!));
    }
  }
  const half = fromHalfBits(tensor.shape, bits);
  return dtype === "F16" ? half : { ...half, dtype };
}

/** The same, made when it is written; that is also when E0759 is thrown. */
export function castLater(tensor: Tensor, dtype: WeightDtype, name: string): Tensor {
  if (tensor.dtype === dtype) return tensor;
  return madeTensor(dtype, tensor.shape, () => castTensor(tensor, dtype, name));
}

/** The fp32 bits of 2^-14, the smallest normal fp16, and of 65520, which is rounded to infinity. */
const NORMAL_HALF = 0x38800000;
const INFINITE_HALF = 0x477ff000;

/** `halfBits` of each value, several times faster where that is a normal number: a shift of bias, and one sum. */
export function manyHalfBits(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const size = word & 0x7fffffff;
    const isNormal = size >= NORMAL_HALF && size < INFINITE_HALF;
    // From a bias of 127 to one of 15, and 13 bits rounded away, ties to even.
    const rounded = (size - (112 << 23) + 0xfff + ((size >>> 13) & 1)) >>> 13;
    bits[i] = isNormal ? ((word >>> 16) & 0x8000) | rounded : halfBits(values[i]!);
  }
  return bits;
}

/** bfloat16 is the upper half of an fp32; the lower half decides the rounding. */
export function bfloatBits(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    // A carry out of the significand goes into the exponent, as it should.
    bits[i] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
