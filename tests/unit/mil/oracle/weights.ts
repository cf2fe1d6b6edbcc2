/** Formulas of quantised values, of weights that are stored small, and of tensors out of nothing. */
import type { OracleCase } from "../../../support/mil_oracle.ts";

/** The nearest whole number; halves go to the even one. */
function even(v: number): number {
  const [low, high] = [Math.floor(v), Math.ceil(v)];
  if (v - low !== high - v) return v - low < high - v ? low : high;
  return low % 2 === 0 ? low : high;
}

const clamp = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v));

/** `tensor<T, [shape]>([values])` */
const tensor = (type: string, shape: string, values: readonly number[]): string =>
  `tensor<${type}, [${shape}]>([${values.join(", ")}])`;

const indices = [3, 0, 2, 1, 1, 3, 0, 2, 2, 3, 1, 0];
const bits = [0, 0, 1, 0, 1, 1, 0, 0];
const table = [1, 5, 9, 13, 2, 10, 18, 26];
const offsets = [1, 0, -1, 2, -2, 3];
const mask = [1, 0, 0, 1, 1, 1, 0, 1];
/** For each place of the mask how many ones stand before it. */
const before = mask.map((_, i) => mask.slice(0, i).reduce((a, b) => a + b, 0));

export const WEIGHTS: readonly OracleCase[] = [
  {
    op: "quantize",
    in: { x: "F 3,40 -20..20" },
    y: 'quantize(input = x, scale = F(0.125), output_dtype = string("int8"))',
    out: "int8 3,40",
    at: ({ x }, i, j) => clamp(even(x!(i!, j!) * 8), -128, 127),
  },
  {
    op: "quantize",
    about: "a scale for each channel",
    in: { x: "F 2,3,4 -2..2", s: "F 3 0.01..0.1" },
    y: 'quantize(input = x, scale = s, zero_point = tensor<uint8, [3]>([5, 100, 200]), axis = 1, output_dtype = string("uint8"))',
    out: "uint8 2,3,4",
    at: ({ x, s }, i, j, k) => clamp(even(x!(i!, j!, k!) / s!(j!)) + [5, 100, 200][j!]!, 0, 255),
  },
  {
    op: "dequantize",
    in: { x: "int8 3,4 -128..127" },
    y: "dequantize(input = x, scale = F(0.125), zero_point = int8(-3))",
    out: "F 3,4",
    at: ({ x }, i, j) => (x!(i!, j!) + 3) / 8,
  },
  {
    op: "dequantize",
    about: "a scale for each channel",
    in: { x: "uint8 3,4 0..255", s: "F 4" },
    y: "dequantize(input = x, scale = s, axis = -1)",
    out: "F 3,4",
    at: ({ x, s }, i, j) => x!(i!, j!) * s!(j!),
  },
  {
    op: "constexpr_affine_dequantize",
    in: {},
    y: `constexpr_affine_dequantize()[axis = int32(0), name = string("w"), quantized_data = ${tensor("int8", "3, 4", indices)}, scale = tensor<F, [3]>([0.5, 2, 4]), zero_point = int8(1)]`,
    out: "F 3,4",
    at: (_, i, j) => [0.5, 2, 4][i!]! * (indices[4 * i! + j!]! - 1),
  },
  {
    op: "constexpr_affine_dequantize",
    about: "one scale, a zero point for each column",
    in: {},
    y: `constexpr_affine_dequantize(axis = int32(1), quantized_data = ${tensor("uint8", "3, 4", indices)}, scale = F(0.5), zero_point = tensor<uint8, [4]>([0, 1, 2, 3]))`,
    out: "F 3,4",
    at: (_, i, j) => 0.5 * (indices[4 * i! + j!]! - j!),
  },
  {
    op: "constexpr_blockwise_shift_scale",
    in: {},
    y: `constexpr_blockwise_shift_scale(data = ${tensor("int4", "3, 4", indices)}, scale = tensor<F, [3, 2]>([1, 2, 3, 4, 5, 6]), offset = ${tensor("int4", "3, 2", offsets)})`,
    out: "F 3,4",
    at: (_, i, j) => {
      const block = 2 * i! + (j! >> 1);
      return (block + 1) * (indices[4 * i! + j!]! - offsets[block]!);
    },
  },
  {
    op: "constexpr_lut_to_dense",
    about: "tables for groups of rows",
    in: {},
    y: `constexpr_lut_to_dense(indices = ${tensor("uint2", "6, 2", indices)}, lut = ${tensor("F", "2, 1, 4, 1", table)})`,
    out: "F 6,2",
    at: (_, i, j) => table[(i! < 3 ? 0 : 4) + indices[2 * i! + j!]!]!,
  },
  {
    op: "constexpr_lut_to_dense",
    about: "vectors along axis 1",
    in: {},
    y: `constexpr_lut_to_dense(indices = ${tensor("uint1", "2, 2, 2", bits)}, lut = ${tensor("F", "1, 1, 1, 2, 3", [1, 2, 3, 10, 20, 30])}, vector_axis = 1)`,
    out: "F 2,6,2",
    at: (_, i, j, k) => {
      const index = bits[4 * i! + 2 * Math.floor(j! / 3) + k!]!;
      return [1, 2, 3, 10, 20, 30][3 * index + (j! % 3)]!;
    },
  },
  {
    op: "constexpr_lut_to_dense",
    about: "packed bytes",
    in: {},
    // 00 11 10 01 from the highest bits down, then 10 in the lowest bits of the next byte.
    y: `constexpr_lut_to_dense()[indices = ${tensor("uint8", "2", [0b00111001, 0b10])}, lut = ${tensor("F", "4", [1, 5, 9, 13])}, shape = tensor<uint32, [1]>([5])]`,
    out: "F 5",
    at: (_, i) => [1, 5, 9, 13][[0b01, 0b10, 0b11, 0b00, 0b10][i!]!]!,
  },
  {
    op: "constexpr_sparse_to_dense",
    in: {},
    y: `constexpr_sparse_to_dense(nonzero_data = ${tensor("F", "5", [1, 2, 3, 4, 5])}, mask = ${tensor("uint1", "2, 4", mask)})`,
    out: "F 2,4",
    at: (_, i, j) => (mask[4 * i! + j!] === 1 ? before[4 * i! + j!]! + 1 : 0),
  },
  {
    op: "constexpr_sparse_to_dense",
    about: "packed bytes",
    in: {},
    y: `constexpr_sparse_to_dense()[nonzero_data = ${tensor("F", "5", [1, 2, 3, 4, 5])}, mask = ${tensor("uint8", "1", [0b10111001])}, shape = tensor<uint32, [2]>([2, 4])]`,
    out: "F 2,4",
    at: (_, i, j) => (mask[4 * i! + j!] === 1 ? before[4 * i! + j!]! + 1 : 0),
  },
  {
    op: "constexpr_lut_to_sparse",
    in: {},
    y: `constexpr_lut_to_sparse(indices_mask = ${tensor("uint1", "2, 4", mask)}, indices_nonzero_data = ${tensor("uint1", "5", [0, 1, 1, 0, 1])}, lut = ${tensor("F", "1, 1, 2, 2", [2, 20, 3, 30])}, vector_axis = 0)`,
    out: ["uint1 4,4", "F 10"],
    at: [
      (_, i, j) => mask[4 * (i! >> 1) + j!]!,
      // Row by row of the doubled mask: entries at 0, 3 of row 0 and 0, 1, 3 of row 1.
      (_, i) => [2, 3, 20, 30, 3, 2, 3, 30, 20, 30][i!]!,
    ],
  },
  {
    op: "constexpr_sparse_blockwise_shift_scale",
    in: {},
    y: `constexpr_sparse_blockwise_shift_scale(data_mask = ${tensor("uint1", "2, 4", mask)}, nonzero_data = ${tensor("int8", "5", [10, 11, 3, 4, 5])}, scale = ${tensor("F", "1, 4", [1, 2, 3, 4])}, offset = ${tensor("int8", "1, 4", [1, 2, 3, 4])})`,
    out: ["uint1 2,4", "F 5"],
    at: [(_, i, j) => mask[4 * i! + j!]!, (_, i) => [9, 28, 2, 4, 4][i!]!],
  },
  {
    op: "fill",
    in: {},
    y: "fill(shape = [2, 3], value = F(1.5))",
    out: "F 2,3",
    at: () => 1.5,
  },
  {
    op: "fill_like",
    in: { x: "F 2,3" },
    y: "fill_like(ref_tensor = x, value = int32(7))",
    out: "int32 2,3",
    at: () => 7,
  },
  {
    op: "range_1d",
    in: {},
    y: "range_1d(start = F(-1), end = F(1.75), step = F(0.5))",
    out: "F 6",
    at: (_, i) => -1 + i! / 2,
  },
  {
    op: "range_1d",
    about: "downwards",
    in: {},
    y: "range_1d(start = int32(5), end = int32(-2), step = int32(-3))",
    out: "int32 3",
    at: (_, i) => 5 - 3 * i!,
  },
];
