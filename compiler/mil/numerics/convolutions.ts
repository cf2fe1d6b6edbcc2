/** Convolutions in an arithmetic of their own: products of weights with the pixels under each tap. */
import { maybe, one, sizeOf } from "../infer.ts";
import { adjoint, type Plan, planOf } from "../ops/conv.ts";
import type { Axis } from "../ops/windows.ts";
import { type Meaning, tabulate, zeros } from "../tensors.ts";
import type { Arithmetic } from "./arithmetic.ts";
import { integerPair } from "./integers.ts";
import type { Along } from "./multiply.ts";
import { multiplied } from "./products.ts";

/** Pixels of the result that are computed at once. */
const PIXELS = 1024;

/** The pixel under a tap of a window, or -1 in the padding: [places, taps] of one dimension. */
type Under = (place: number, tap: number) => number;

const forward =
  ({ size, stride, dilation, before }: Axis): Under =>
  (place, tap) => {
    const at = place * stride + tap * dilation - before;
    return at >= 0 && at < size ? at : -1;
  };

/** The pixels of x that a convolution with these axes would spread to `place`. */
const backward =
  ({ stride, dilation, before }: Axis, pixels: number): Under =>
  (place, tap) => {
    const at = (place + before - tap * dilation) / stride;
    return Number.isInteger(at) && at >= 0 && at < pixels ? at : -1;
  };

/** For each place and tap the pixel of one channel, or -1: [places, taps]. */
function pixelTable(
  unders: readonly Under[],
  places: readonly number[],
  taps: readonly number[],
  image: readonly number[],
): Int32Array {
  const d = places.length;
  return Int32Array.from(
    tabulate([...places, ...taps], (index) => {
      let at = 0;
      for (let i = 0; i < d; i++) {
        const pixel = unders[i]!(index[i]!, index[d + i]!);
        if (pixel < 0) return -1;
        at = at * image[i]! + pixel;
      }
      return at;
    }),
  );
}

interface Images {
  readonly data: Float64Array;
  /** Of the whole tensor, and of one group. */
  readonly channels: number;
  readonly inputs: number;
  readonly pixels: number;
  readonly table: Int32Array;
  readonly places: number;
  readonly taps: number;
}

/** Rows (channel, tap) of one image and group, columns `count` places from `first` on. */
function patches(v: Images, n: number, g: number, first: number, count: number): Float64Array {
  const out = zeros([v.inputs * v.taps, count]);
  for (let c = 0; c < v.inputs; c++) {
    const from = (n * v.channels + g * v.inputs + c) * v.pixels;
    for (let t = 0; t < v.taps; t++) {
      const row = (c * v.taps + t) * count;
      for (let j = 0; j < count; j++) {
        const pixel = v.table[(first + j) * v.taps + t]!;
        if (pixel >= 0) out[row + j] = v.data[from + pixel]!;
      }
    }
  }
  return out;
}

/** [N, O, ..] from weights as [groups, outputs of a group, inputs · taps]. */
function convolve(
  v: Images,
  { groups, outputs }: Plan,
  batches: number,
  weight: Float64Array,
  bias: Float64Array | undefined,
  multiply: (product: {
    m: number;
    k: number;
    n: number;
    x: Float64Array;
    y: Float64Array;
    start: Along | undefined;
    first: number;
  }) => Float64Array,
): Float64Array {
  const [m, k] = [outputs / groups, v.inputs * v.taps];
  const result = zeros([batches, outputs, v.places]);
  for (let n = 0; n < batches; n++) {
    for (let g = 0; g < groups; g++) {
      const x = weight.subarray(g * m * k, (g + 1) * m * k);
      const start: Along | undefined = bias && {
        along: "rows",
        values: bias.subarray(g * m, (g + 1) * m),
      };
      for (let first = 0; first < v.places; first += PIXELS) {
        const count = Math.min(PIXELS, v.places - first);
        const y = patches(v, n, g, first, count);
        const part = multiply({ m, k, n: count, x, y, start, first: g * m });
        for (let i = 0; i < m; i++) {
          const to = (n * outputs + g * m + i) * v.places + first;
          result.set(part.subarray(i * count, (i + 1) * count), to);
        }
      }
    }
  }
  return result;
}

export const convIn =
  (a: Arithmetic): Meaning =>
  (o, out) => {
    const [x, weight, bias] = [one(o, "x"), one(o, "weight"), maybe(o, "bias")];
    const plan = planOf(o, false) as Plan;
    const [image, places, taps] = [x, out, weight].map((t) => t.shape.slice(2));
    const pair = a.isExact ? integerPair(x, weight, 0) : undefined;
    const images: Images = {
      data: pair?.x ?? a.operand(x),
      channels: x.shape[1]!,
      inputs: weight.shape[1]!,
      pixels: sizeOf(image!),
      table: pixelTable(plan.axes.map(forward), places!, taps!, image!),
      places: sizeOf(places!),
      taps: sizeOf(taps!),
    };
    const weights = pair?.w ?? a.operand(weight);
    return convolve(images, plan, x.shape[0]!, weights, bias?.data, ({ first, ...product }) => {
      const scale = pair && (pair.scale.length > 1 ? pair.scale.subarray(first) : pair.scale);
      const part = pair && { ...pair, scale: scale!.subarray(0, product.m) };
      return multiplied(a, part, "rows", product);
    });
  };

/** weight [inputs, outputs / groups, ..]: its taps are gathered instead of spread. */
export const convTransposeIn =
  (a: Arithmetic): Meaning =>
  (o, out) => {
    const [x, weight, bias] = [one(o, "x"), one(o, "weight"), maybe(o, "bias")];
    const plan = planOf(o, true) as Plan;
    const [image, places, taps] = [x, out, weight].map((t) => t.shape.slice(2));
    const axes = adjoint(o, plan.axes, places!);
    const [channels, m, t] = [x.shape[1]!, weight.shape[1]!, sizeOf(taps!)];
    const inputs = channels / plan.groups;
    const images: Images = {
      data: a.operand(x),
      channels,
      inputs,
      pixels: sizeOf(image!),
      table: pixelTable(
        axes.map((axis, i) => backward(axis, image![i]!)),
        places!,
        taps!,
        image!,
      ),
      places: sizeOf(places!),
      taps: t,
    };
    const given = a.operand(weight);
    const weights = tabulate([plan.groups, m, inputs, t], ([g, k, c, tap]) => {
      return given[((g! * inputs + c!) * m + k!) * t + tap!]!;
    });
    return convolve(images, plan, x.shape[0]!, weights, bias?.data, ({ first: _, ...product }) =>
      a.multiply(product),
    );
  };
