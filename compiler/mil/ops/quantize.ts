/** Quantised values, and weights that are stored small and made large when a program is loaded. */
import { milDoesNotFit } from "../../messages/mil.ts";
import { UserError } from "../../support/diagnostic.ts";
import {
  type Answer,
  axisOf,
  differ,
  int,
  ints,
  leaves,
  type Mistake,
  maybe,
  mayEqual,
  mistake,
  type Operand,
  type Operands,
  one,
  type Rule,
  resized,
  shapeText,
  sizeOf,
  vectorMistake,
} from "../infer.ts";
import { roundHalfEven } from "../special.ts";
import {
  broadcastTo,
  type Loaded,
  type LoadedOperands,
  type Meaning,
  stridesOf,
  tabulate,
} from "../tensors.ts";
import { isElementType } from "../tree.ts";
import { type MilOp, op, perElement } from "./define.ts";
import { integerRange } from "./elementwise.ts";

const BYTES = "int8|uint8";
const SMALL = "int4|uint4|int8|uint8|fp16|fp32";
const INDICES = "uint1|uint2|uint3|uint4|uint6|uint8";

/** Scale and zero point are scalars, or lists along an axis of `argument`. */
function scaleMistake(o: Operands, argument: string): Mistake | undefined {
  const x = one(o, argument);
  const scale = one(o, "scale");
  const zero = maybe(o, "zero_point");
  if (scale.shape.length === 0 && (zero === undefined || zero.shape.length === 0)) return undefined;
  const given = maybe(o, "axis")?.ints?.[0];
  if (given === undefined) return mistake("axis", "must be given, as `scale` is a list", { scale });
  const axis = axisOf(given, x.shape.length);
  if (axis === undefined)
    return mistake("axis", `must be an axis of \`${argument}\`, not ${given}`, { [argument]: x });
  for (const [name, list] of [
    ["scale", scale],
    ["zero_point", zero],
  ] as const) {
    if (list === undefined || list.shape.length === 0) continue;
    const fault = vectorMistake(name, list, x.shape[axis]!);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const quantizeRule: Rule = (o) => {
  const element = one(o, "output_dtype").text ?? "";
  const zero = maybe(o, "zero_point");
  if (!isElementType(element)) return mistake("output_dtype", "must be an element type");
  if (zero !== undefined && zero.element !== element)
    return mistake("zero_point", `must be ${element}, as \`output_dtype\` says`, {
      zero_point: zero,
    });
  return scaleMistake(o, "input") ?? { element, shape: one(o, "input").shape };
};

const dequantizeRule =
  (argument: string): Rule =>
  (o) =>
    scaleMistake(o, argument) ?? {
      element: one(o, "scale").element,
      shape: one(o, argument).shape,
    };

/** A scalar or a list along the axis, for each element of `shape`. */
function spread(
  o: LoadedOperands,
  name: string,
  shape: readonly number[],
  otherwise: number,
): Float64Array {
  const given = maybe(o, name);
  if (given === undefined) return new Float64Array(sizeOf(shape)).fill(otherwise);
  const axis = given.shape.length === 0 ? undefined : axisOf(int(o, "axis", 0), shape.length);
  const wide = shape.map((n, i) => (i === axis ? n : 1));
  return broadcastTo({ data: given.data, shape: wide }, shape);
}

/** round(x / scale) + zero point, in the range of the type; halves go to the even number. */
const runQuantize: Meaning = (o, out) => {
  const { data, shape } = one(o, "input");
  const [scale, zero] = [spread(o, "scale", shape, 1), spread(o, "zero_point", shape, 0)];
  const [low, high] = integerRange(out.element)!;
  return data.map((x, i) => {
    const q = roundHalfEven(x / scale[i]!) + zero[i]!;
    return Number.isNaN(q) ? 0 : Math.min(high, Math.max(low, q));
  });
};

/** scale · (x − zero point) */
const runDequantize =
  (argument: string): Meaning =>
  (o) => {
    const { data, shape } = one(o, argument);
    const [scale, zero] = [spread(o, "scale", shape, 1), spread(o, "zero_point", shape, 0)];
    return data.map((x, i) => scale[i]! * (x - zero[i]!));
  };

/** Blocks: each size of `scale` divides that of the data. */
function blockMistake(data: Operand, o: Operands): Mistake | undefined {
  const scale = one(o, "scale");
  const offset = maybe(o, "offset");
  const isWhole = data.shape.every((n, i) => !leaves(n, scale.shape[i] ?? 1));
  if (scale.shape.length !== data.shape.length || !isWhole)
    return mistake("scale", `must have sizes that divide ${shapeText(data.shape)}`, { scale });
  if (offset !== undefined && !mayEqual(offset.shape, scale.shape))
    return mistake("offset", "must have the shape of `scale`", { offset, scale });
  return undefined;
}

const blockwise: Rule = (o) => {
  const data = one(o, "data");
  return blockMistake(data, o) ?? { element: one(o, "scale").element, shape: data.shape };
};

/** scale · (data − offset) with scale and offset of the block that an element lies in. */
function shiftScale(o: LoadedOperands, data: Float64Array, shape: readonly number[]): Float64Array {
  const [scale, offset] = [one(o, "scale"), maybe(o, "offset")];
  const place = blockPlaces(scale.shape, shape);
  return data.map((x, i) => scale.data[place[i]!]! * (x - (offset?.data[place[i]!] ?? 0)));
}

/** For each element of `shape` the place of its block among `blocks`. */
function blockPlaces(blocks: readonly number[], shape: readonly number[]): Float64Array {
  const strides = stridesOf(blocks);
  const sizes = shape.map((n, i) => n / blocks[i]!);
  return tabulate(shape, (index) =>
    index.reduce((sum, n, i) => sum + Math.floor(n / sizes[i]!) * strides[i]!, 0),
  );
}

/** The table has two dimensions more than the indices: entries, and the elements of an entry. */
function tableMistake(o: Operands, shape: readonly number[], bits: number): Mistake | undefined {
  const lut = one(o, "lut");
  const blocks = lut.shape.slice(0, -2);
  const isWhole = shape.every((n, i) => !leaves(n, blocks[i] ?? 1));
  if (blocks.length !== shape.length || !isWhole)
    return mistake("lut", `must have sizes that divide ${shapeText(shape)}, and two more`, { lut });
  if (differ(lut.shape.at(-2), 2 ** bits))
    return mistake("lut", `needs ${2 ** bits} entries for indices of ${bits} bits`, { lut });
  const axis = maybe(o, "vector_axis")?.ints?.[0];
  if (axis === undefined && differ(lut.shape.at(-1), 1))
    return mistake("vector_axis", "must be given, as entries have several elements", { lut });
  if (axis !== undefined && axisOf(axis, shape.length) === undefined)
    return mistake("vector_axis", `must be an axis of the indices, not ${axis}`, { lut });
  return undefined;
}

const bitsOf = (element: string): number => Number(/\d+$/.exec(element)?.[0] ?? 8);

/** The dimension along which an entry's elements lie, times their number. */
function vectorShape(o: Operands, shape: readonly number[]): readonly number[] {
  const axis = axisOf(int(o, "vector_axis", 0), shape.length)!;
  return resized(shape, axis, shape[axis]! * one(o, "lut").shape.at(-1)!);
}

/** Older programs give packed bytes and a shape; newer ones indices of their own type. */
const lutToDense: Rule = (o): Answer => {
  const [indices, lut] = [one(o, "indices"), one(o, "lut")];
  const shape = ints(o, "shape", undefined);
  if (shape === undefined) {
    const fault = tableMistake(o, indices.shape, bitsOf(indices.element));
    return fault ?? { element: lut.element, shape: vectorShape(o, indices.shape) };
  }
  const bits = Math.log2(lut.shape[0] ?? 0);
  if (lut.shape.length !== 1 || ![1, 2, 4, 6, 8].includes(bits))
    return mistake("lut", "must be a list of 2, 4, 16, 64 or 256 entries", { lut });
  const bytes = Math.ceil((bits * sizeOf(shape)) / 8);
  return vectorMistake("indices", indices, bytes) ?? { element: lut.element, shape };
};

/** Element i of `bits` bits each, packed from the low bits up. */
function unpack(bytes: Float64Array, bits: number, i: number): number {
  let value = 0;
  for (let k = 0; k < bits; k++) {
    const bit = i * bits + k;
    value |= ((bytes[bit >> 3]! >> (bit & 7)) & 1) << k;
  }
  return value;
}

/** The entries that indices name, each table used for its block of the indices. */
function lookUp(o: LoadedOperands, indices: Float64Array, shape: readonly number[]): Float64Array {
  const lut = one(o, "lut");
  const [entries, width] = [lut.shape.at(-2)!, lut.shape.at(-1)!];
  const table = blockPlaces(lut.shape.slice(0, -2), shape);
  const axis = axisOf(int(o, "vector_axis", 0), shape.length)!;
  const strides = stridesOf(shape);
  return tabulate(vectorShape(o, shape), (index) => {
    const lane = index[axis]! % width;
    const from = index.reduce(
      (sum, n, i) => sum + strides[i]! * (i === axis ? Math.floor(n / width) : n),
      0,
    );
    return lut.data[(table[from]! * entries + indices[from]!) * width + lane]!;
  });
}

const runLutToDense: Meaning = (o, out) => {
  const [indices, lut] = [one(o, "indices"), one(o, "lut")];
  if (maybe(o, "shape") === undefined) return lookUp(o, indices.data, indices.shape);
  const bits = Math.log2(lut.shape[0]!);
  const values = new Float64Array(sizeOf(out.shape));
  return values.map((_, i) => lut.data[unpack(indices.data, bits, i)]!);
};

/** The mask is the shape, or packed bytes with a shape beside them. */
const sparseToDense: Rule = (o) => {
  const [data, mask] = [one(o, "nonzero_data"), one(o, "mask")];
  const shape = ints(o, "shape", undefined);
  const fault =
    vectorMistake("nonzero_data", data, Number.NaN) ??
    (shape === undefined ? undefined : vectorMistake("mask", mask, Math.ceil(sizeOf(shape) / 8)));
  return fault ?? { element: data.element, shape: shape ?? mask.shape };
};

/** The elements where a mask holds, in order; zeros elsewhere. */
function fill(op: string, mask: Float64Array, data: Float64Array): Float64Array {
  let next = 0;
  const out = mask.map((m) => (m === 0 ? 0 : (data[next++] ?? Number.NaN)));
  if (next === data.length) return out;
  const expected = `must hold ${next} values, as many as \`mask\` has ones, not ${data.length}`;
  throw new UserError(milDoesNotFit(op, "nonzero_data", expected, []));
}

const runSparseToDense: Meaning = (o, out) => {
  const [{ data }, mask] = [one(o, "nonzero_data"), one(o, "mask")];
  const isPacked = maybe(o, "shape") !== undefined;
  const bits = isPacked
    ? new Float64Array(sizeOf(out.shape)).map((_, i) => unpack(mask.data, 1, i))
    : mask.data;
  return fill("constexpr_sparse_to_dense", bits, data);
};

/** Mask and values of a sparse tensor whose values are indices. */
const lutToSparse: Rule = (o): Answer => {
  const [mask, data] = [one(o, "indices_mask"), one(o, "indices_nonzero_data")];
  const fault =
    vectorMistake("indices_nonzero_data", data, Number.NaN) ??
    tableMistake(o, mask.shape, bitsOf(data.element));
  if (fault !== undefined) return fault;
  const lut = one(o, "lut");
  return [
    { element: mask.element, shape: vectorShape(o, mask.shape) },
    { element: lut.element, shape: [data.shape[0]! * lut.shape.at(-1)!] },
  ];
};

/** The elements of `dense` where the mask holds. */
const where = (mask: Float64Array, dense: Float64Array): Float64Array =>
  dense.filter((_, i) => mask[i] !== 0);

function runLutToSparse(o: LoadedOperands): readonly Float64Array[] {
  const [mask, data]: Loaded[] = [one(o, "indices_mask"), one(o, "indices_nonzero_data")];
  const dense = lookUp(o, fill("constexpr_lut_to_sparse", mask!.data, data!.data), mask!.shape);
  const width = one(o, "lut").shape.at(-1)!;
  const axis = axisOf(int(o, "vector_axis", 0), mask!.shape.length)!;
  const strides = stridesOf(mask!.shape);
  const wide = tabulate(vectorShape(o, mask!.shape), (index) => {
    const place = (n: number, i: number): number => (i === axis ? Math.floor(n / width) : n);
    return mask!.data[index.reduce((sum, n, i) => sum + strides[i]! * place(n, i), 0)]!;
  });
  return [wide, where(wide, dense)];
}

const sparseBlockwise: Rule = (o): Answer => {
  const [mask, data] = [one(o, "data_mask"), one(o, "nonzero_data")];
  const fault = vectorMistake("nonzero_data", data, Number.NaN) ?? blockMistake(mask, o);
  return fault ?? [mask, { element: one(o, "scale").element, shape: data.shape }].map(typeOnly);
};

const typeOnly = ({ element, shape }: Operand) => ({ element, shape });

function runSparseBlockwise(o: LoadedOperands): readonly Float64Array[] {
  const [mask, data]: Loaded[] = [one(o, "data_mask"), one(o, "nonzero_data")];
  const dense = fill("constexpr_sparse_blockwise_shift_scale", mask!.data, data!.data);
  return [mask!.data.slice(), where(mask!.data, shiftScale(o, dense, mask!.shape))];
}

export const QUANTIZED: readonly MilOp[] = [
  op(
    "quantize",
    `input: floats, scale: floats, zero_point: wholes(${BYTES})?, axis: int?, output_dtype: text(int8|uint8)`,
    quantizeRule,
    "round(input / scale) + zero_point, in the range of the type",
    { run: runQuantize, flops: perElement(2) },
  ),
  op(
    "dequantize",
    `input: wholes(${BYTES}), scale: floats, zero_point: wholes(${BYTES})?, axis: int?`,
    dequantizeRule("input"),
    "scale · (input − zero_point)",
    { run: runDequantize("input"), flops: perElement(2) },
  ),
  op(
    "constexpr_affine_dequantize",
    `quantized_data: wholes(${BYTES}), scale: floats, zero_point: numbers, axis: int`,
    dequantizeRule("quantized_data"),
    "scale · (quantized_data − zero_point)",
    { run: runDequantize("quantized_data") },
  ),
  op(
    "constexpr_blockwise_shift_scale",
    `data: numbers(${SMALL}), scale: floats, offset: numbers(${SMALL})?`,
    blockwise,
    "scale · (data − offset) with a scale for each block",
    { run: (o) => shiftScale(o, one(o, "data").data, one(o, "data").shape) },
  ),
  op(
    "constexpr_lut_to_dense",
    `indices: wholes(${INDICES}), lut: numbers, shape: ints?, vector_axis: int?`,
    lutToDense,
    "the entries of a table that indices name",
    { run: runLutToDense },
  ),
  op(
    "constexpr_sparse_to_dense",
    "nonzero_data: numbers, mask: wholes(uint1|uint8), shape: ints?",
    sparseToDense,
    "values where a mask holds, 0 elsewhere",
    { run: runSparseToDense },
  ),
  op(
    "constexpr_lut_to_sparse",
    `indices_mask: wholes(uint1), indices_nonzero_data: wholes(${INDICES}), lut: numbers, vector_axis: int?`,
    lutToSparse,
    "a sparse tensor of entries of a table: its mask and values",
    { runs: runLutToSparse, results: 2 },
  ),
  op(
    "constexpr_sparse_blockwise_shift_scale",
    `data_mask: wholes(uint1), nonzero_data: numbers(${SMALL}), scale: floats, offset: numbers(${SMALL})?`,
    sparseBlockwise,
    "a sparse tensor scaled by blocks: its mask and values",
    { runs: runSparseBlockwise, results: 2 },
  ),
];
