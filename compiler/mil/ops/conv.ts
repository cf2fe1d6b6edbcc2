/** Convolutions over one to three spatial dimensions. */
import {
  differ,
  ints,
  type Mistake,
  maybe,
  mistake,
  type Operand,
  type Operands,
  one,
  type Rule,
  rankMistake,
  sizeOf,
  vectorMistake,
} from "../infer.ts";
import { type Loaded, type LoadedOperands, type Meaning, stridesOf, zeros } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";
import {
  type Axis,
  axesOfWindows,
  countOf,
  emptyMistake,
  groupsOf,
  PAD_TYPES,
  reach,
} from "./windows.ts";

/** What a convolution is made of. */
export interface Plan {
  readonly axes: readonly Axis[];
  readonly groups: number;
  /** Output channels. */
  readonly outputs: number;
}

/** What x and weight agree on. `channels` is the weight's dimension of input channels. */
export function planOf(o: Operands, isTransposed: boolean): Plan | Mistake {
  const [x, weight] = [one(o, "x"), one(o, "weight")];
  const wrong = rankMistake("x", x, 3, 5);
  if (wrong !== undefined) return wrong;
  if (weight.shape.length !== x.shape.length)
    return mistake("weight", "must have as many dimensions as `x`", { weight, x });
  const channels = x.shape[1]!;
  const groups = groupsOf(o, channels);
  if (typeof groups !== "number") return groups;
  const inputs = isTransposed ? channels : channels / groups;
  const at = isTransposed ? 0 : 1;
  if (differ(weight.shape[at], inputs)) {
    return mistake(
      "weight",
      `needs ${inputs} as dimension ${at}, the channels of \`x\`${groups === 1 || isTransposed ? "" : " in each group"}`,
      { weight, x },
    );
  }
  const outputs = isTransposed ? weight.shape[1]! * groups : weight.shape[0]!;
  if (!isTransposed && outputs % groups > 0)
    return mistake("groups", `must divide the ${outputs} channels of the result`, { weight });
  const fault = vectorMistake("bias", maybe(o, "bias"), outputs);
  if (fault !== undefined) return fault;
  const axes = axesOfWindows(o, x, weight.shape.slice(2));
  return "argument" in axes ? axes : { axes, groups, outputs };
}

/** x [N, C, ..], weight [O, C / groups, ..] give [N, O, ..]. */
const conv: Rule = (o) => {
  const x = one(o, "x");
  const plan = planOf(o, false);
  if ("argument" in plan) return plan;
  const counts = plan.axes.map(countOf);
  return (
    emptyMistake(counts, x) ?? { element: x.element, shape: [x.shape[0]!, plan.outputs, ...counts] }
  );
};

/** x [N, C, ..], weight [C, O / groups, ..] give [N, O, ..]: the gradient of `conv` in its input. */
const convTranspose: Rule = (o) => {
  const x = one(o, "x");
  const plan = planOf(o, true);
  if ("argument" in plan) return plan;
  const isSame = maybe(o, "pad_type")?.text?.startsWith("same") ?? false;
  const sizes = plan.axes.map((a) =>
    isSame ? a.size * a.stride : (a.size - 1) * a.stride + reach(a) - a.before - a.after,
  );
  const shape = [x.shape[0]!, plan.outputs, ...sizes];
  const asked = ints(o, "output_shape", undefined);
  if (asked === undefined) return emptyMistake(sizes, x) ?? { element: x.element, shape };
  const fits =
    asked.length === shape.length && !differ(asked[0], shape[0]) && !differ(asked[1], shape[1]);
  return fits && asked.every((n) => n > 0)
    ? { element: x.element, shape: asked }
    : mistake("output_shape", `must start with [${shape[0]}, ${shape[1]}]`, { x });
};

/** Three spatial dimensions, the missing ones of one element. */
const UNIT: Axis = { size: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

function padded(axes: readonly Axis[]): readonly [Axis, Axis, Axis] {
  const all = [...new Array<Axis>(3 - axes.length).fill(UNIT), ...axes];
  return [all[0]!, all[1]!, all[2]!];
}

/** [N, C, D, H, W] */
function five(shape: readonly number[]): readonly [number, number, number, number, number] {
  const missing = new Array<number>(5 - shape.length).fill(1);
  const all = [...shape.slice(0, 2), ...missing, ...shape.slice(2)];
  return [all[0]!, all[1]!, all[2]!, all[3]!, all[4]!];
}

/**
 * Calls `visit` with the places of the image, the window and the result for each pixel that a
 * window's element lies on: place = result · stride + element · dilation − padding.
 */
function eachTap(
  axes: readonly Axis[],
  counts: readonly number[],
  visit: (image: number, element: number, result: number) => void,
): void {
  const [d, h, w] = padded(axes);
  const [cd, ch, cw] = five([1, 1, ...counts]).slice(2) as [number, number, number];
  for (let kd = 0; kd < d.kernel; kd++)
    for (let kh = 0; kh < h.kernel; kh++)
      for (let kw = 0; kw < w.kernel; kw++)
        for (let z = 0; z < cd; z++) {
          const iz = z * d.stride + kd * d.dilation - d.before;
          if (iz < 0 || iz >= d.size) continue;
          for (let y = 0; y < ch; y++) {
            const iy = y * h.stride + kh * h.dilation - h.before;
            if (iy < 0 || iy >= h.size) continue;
            for (let x = 0; x < cw; x++) {
              const ix = x * w.stride + kw * w.dilation - w.before;
              if (ix < 0 || ix >= w.size) continue;
              visit(
                (iz * h.size + iy) * w.size + ix,
                (kd * h.kernel + kh) * w.kernel + kw,
                (z * ch + y) * cw + x,
              );
            }
          }
        }
}

function addBias(
  out: Float64Array,
  shape: readonly number[],
  bias: Loaded | undefined,
): Float64Array {
  if (bias === undefined) return out;
  const [stride, channels] = [stridesOf(shape)[1]!, shape[1]!];
  return out.map((v, i) => v + bias.data[Math.floor(i / stride) % channels]!);
}

const runConv: Meaning = (o: LoadedOperands, out) => {
  const [x, weight] = [one(o, "x"), one(o, "weight")];
  const { axes, groups, outputs } = planOf(o, false) as Plan;
  const result = zeros(out.shape);
  const [pixels, taps, places] = [x, weight, out].map((t) => sizeOf(t.shape.slice(2)));
  const [inputs, perGroup] = [weight.shape[1]!, outputs / groups];
  for (let n = 0; n < x.shape[0]!; n++) {
    for (let k = 0; k < outputs; k++) {
      const to = (n * outputs + k) * places!;
      for (let c = 0; c < inputs; c++) {
        const channel = Math.floor(k / perGroup) * inputs + c;
        const image = (n * x.shape[1]! + channel) * pixels!;
        const kernel = (k * inputs + c) * taps!;
        eachTap(axes, out.shape.slice(2), (i, t, r) => {
          result[to + r]! += x.data[image + i]! * weight.data[kernel + t]!;
        });
      }
    }
  }
  return addBias(result, out.shape, maybe(o, "bias"));
};

/**
 * The padding of the `conv` whose gradient this is: of a result of `asked` pixels, what is too much
 * is cut off at both ends, for `same_lower` more at the start.
 */
export function adjoint(
  o: Operands,
  axes: readonly Axis[],
  sizes: readonly number[],
): readonly Axis[] {
  const type = maybe(o, "pad_type")?.text ?? "valid";
  return axes.map((a, i): Axis => {
    const size = sizes[i]!;
    const total = Math.max(0, (a.size - 1) * a.stride + reach(a) - size);
    const less = Math.floor(total / 2);
    const before = type.startsWith("same")
      ? type === "same_lower"
        ? total - less
        : less
      : a.before;
    return { ...a, size, before };
  });
}

const runConvTranspose: Meaning = (o, out) => {
  const [x, weight] = [one(o, "x"), one(o, "weight")];
  const { axes, groups, outputs } = planOf(o, true) as Plan;
  const result = zeros(out.shape);
  const [pixels, taps, places] = [x, weight, out].map((t) => sizeOf(t.shape.slice(2)));
  const [channels, perGroup] = [x.shape[1]!, outputs / groups];
  const turned = adjoint(o, axes, out.shape.slice(2));
  for (let n = 0; n < x.shape[0]!; n++) {
    for (let c = 0; c < channels; c++) {
      const image = (n * channels + c) * pixels!;
      const group = Math.floor(c / (channels / groups));
      for (let k = 0; k < perGroup; k++) {
        const to = (n * outputs + group * perGroup + k) * places!;
        const kernel = (c * perGroup + k) * taps!;
        eachTap(turned, x.shape.slice(2), (r, t, i) => {
          result[to + r]! += x.data[image + i]! * weight.data[kernel + t]!;
        });
      }
    }
  }
  return addBias(result, out.shape, maybe(o, "bias"));
};

const PARAMETERS = `strides: ints?, pad_type: ${PAD_TYPES}?, pad: ints?, dilations: ints?, groups: int?`;

/** Two operations for each tap of each output. */
const flops =
  (from: "x" | "out"): MilOp["flops"] =>
  (o, outs) => {
    const weight: Operand = one(o, "weight");
    const pixels = from === "out" ? sizeOf(outs[0]!.shape) : sizeOf(one(o, "x").shape);
    return 2 * pixels * sizeOf(weight.shape.slice(1));
  };

export const CONVOLUTIONS: readonly MilOp[] = [
  op(
    "conv",
    `x: floats, weight: floats, bias: floats?, ${PARAMETERS}`,
    conv,
    "x convolved with weight [outputs, inputs / groups, ..]",
    { run: runConv, flops: flops("out") },
  ),
  op(
    "conv_transpose",
    `x: floats, weight: floats, bias: floats?, output_shape: ints?, ${PARAMETERS}`,
    convTranspose,
    "the gradient of a convolution, weight [inputs, outputs / groups, ..]",
    { run: runConvTranspose, flops: flops("x") },
  ),
  op(
    "conv_quantized",
    `x: floats, weight: wholes(uint8), bias: values?, quantization_type: text(linear|lut), nbits: int?, quant_scale: floats, quant_bias: floats, ${PARAMETERS}`,
    () => "open",
    "a convolution whose weight is scaled integers",
  ),
];
