/**
 * Products of int8 with int8: sums in 32-bit integers, scaled afterwards.
 *
 *     y = sₓ · s_w · Σ (qₓ − zₓ)(q_w − z_w) + bias
 *
 * Reported by the 751K M6 study (M4 and M6): a sum of 2^31 is an infinity, and there is no limit of
 * 32768. It needs integers on both sides; weights alone are made fp16 first. How the factor is applied
 * is not published: here all of it is one multiplication before the one rounding to fp16.
 */
import { axisOf, int, maybe, one } from "../infer.ts";
import type { Integers, Loaded, LoadedOperands } from "../tensors.ts";
import { type Along, alongAt, multiplyDouble, type Product } from "./multiply.ts";

const LIMIT = 2 ** 31;

/** The integers behind the result of an op that makes numbers of them, or undefined. */
export function integersOf(op: string, o: LoadedOperands): Integers | undefined {
  if (op === "constexpr_blockwise_shift_scale") return ofBlocks(o);
  const name = op === "dequantize" ? "input" : "quantized_data";
  if (op !== "dequantize" && op !== "constexpr_affine_dequantize") return undefined;
  const [x, scale, zero] = [one(o, name), one(o, "scale"), maybe(o, "zero_point")];
  const axis = axisOf(int(o, "axis", 0), x.shape.length);
  if (zero !== undefined && zero.data.length > 1) return undefined;
  const shift = zero?.data[0] ?? 0;
  return {
    values: x.data.map((q) => q - shift),
    scale: scale.data,
    axis: scale.data.length === 1 ? undefined : axis,
  };
}

/** Blocks that are the whole, or the planes of one axis. */
function ofBlocks(o: LoadedOperands): Integers | undefined {
  const [x, scale] = [one(o, "data"), one(o, "scale")];
  if (x.element !== "int8" || maybe(o, "offset") !== undefined) return undefined;
  const wide = [...scale.shape.keys()].filter((i) => scale.shape[i] !== 1);
  const axis = wide[0];
  if (wide.length > 1 || (axis !== undefined && scale.shape[axis] !== x.shape[axis]))
    return undefined;
  return { values: x.data, scale: scale.data, axis };
}

/** Two operands of a product as integers, with the factor for each output. */
export interface IntegerPair {
  readonly x: Float64Array;
  readonly w: Float64Array;
  /** One for all, or one for each output. */
  readonly scale: Float64Array;
}

/** The integers of x and w, if both have them and w's scale lies along `axis`, its outputs. */
export function integerPair(x: Loaded, w: Loaded, axis: number): IntegerPair | undefined {
  const [p, q] = [x.integers, w.integers];
  if (p === undefined || q === undefined || p.axis !== undefined) return undefined;
  if (q.axis !== undefined && q.axis !== axis) return undefined;
  return { x: p.values, w: q.values, scale: q.scale.map((s) => s * p.scale[0]!) };
}

/** The scaled sums, not rounded yet. */
export function multiplyIntegers(product: Product, scale: Along): Float64Array {
  const { start, ...rest } = product;
  const { n } = product;
  return multiplyDouble(rest).map((sum, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    if (Math.abs(sum) >= LIMIT) return Math.sign(sum) * Number.POSITIVE_INFINITY;
    const bias = start === undefined ? 0 : alongAt(start, i, j);
    return sum * alongAt(scale, i, j) + bias;
  });
}
