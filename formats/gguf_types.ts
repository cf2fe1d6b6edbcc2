/** The types of GGUF: of values in the header, and of tensors, each by its number in the file. */
import { BLOCK, BLOCK_BYTES } from "./quantized.ts";

/** Types of values; the place in the list is the number in the file. */
export const valueTypes = [
  ...(["u8", "i8", "u16", "i16", "u32", "i32", "f32"] as const),
  ...(["bool", "string", "array", "u64", "i64", "f64"] as const),
] as const;

export type ValueType = (typeof valueTypes)[number];

/** All but lists: GGUF lets lists hold lists, and no program writes them. */
export type ScalarType = Exclude<ValueType, "array">;

export type Scalar = number | bigint | boolean | string;

/** A value of the header. Whole numbers of 64 bits are `bigint`. */
export type GgufValue =
  | { readonly type: ScalarType; readonly value: Scalar }
  | { readonly type: "array"; readonly of: ScalarType; readonly items: readonly Scalar[] };

/** Fewest bytes of a value; exact for all but texts and lists. */
export const VALUE_BYTES: Readonly<Record<ValueType, number>> = {
  ...{ u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8 },
  ...{ string: 8, array: 12 },
};

/** How a tensor lies in a file: blocks of so many numbers in so many bytes. */
export interface TensorLayout {
  readonly id: number;
  readonly block: number;
  readonly bytes: number;
}

/** The types of tensors that are read. */
export const TENSOR_TYPES = {
  F32: { id: 0, block: 1, bytes: 4 },
  F16: { id: 1, block: 1, bytes: 2 },
  BF16: { id: 30, block: 1, bytes: 2 },
  Q8_0: { id: 8, block: BLOCK, bytes: BLOCK_BYTES.Q8_0 },
  Q4_0: { id: 2, block: BLOCK, bytes: BLOCK_BYTES.Q4_0 },
  Q4_1: { id: 3, block: BLOCK, bytes: BLOCK_BYTES.Q4_1 },
} as const satisfies Readonly<Record<string, TensorLayout>>;

export type TensorType = keyof typeof TENSOR_TYPES;

export const tensorTypes = Object.keys(TENSOR_TYPES) as readonly TensorType[];

/** Types that are not read, for messages. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  ...{ 6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K" },
  ...{ 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S" },
  ...{ 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32" },
  ...{ 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4" },
};

/** The name of a tensor type by its number, whether it is read or not. */
export function tensorTypeName(id: number): string {
  return tensorTypes.find((t) => TENSOR_TYPES[t].id === id) ?? OTHER_TYPES[id] ?? `number ${id}`;
}

/** Bytes of a tensor; a fraction or beyond 2^53 where no tensor can be. */
export function tensorBytes(type: TensorType, elements: number): number {
  const { block, bytes } = TENSOR_TYPES[type];
  return (elements / block) * bytes;
}

/** Tensors start at multiples of this, unless the header says otherwise. */
export const DEFAULT_ALIGNMENT = 32;

/** `offset` or the next multiple of `alignment`. */
export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
