/** Pools: what the elements under a sliding window come to. */
import { flag, ints, mistake, one, type Rule, rankMistake, sizeOf, textOf } from "../infer.ts";
import { type Meaning, stridesOf, tabulate } from "../tensors.ts";
import { type MilOp, op } from "./define.ts";
import {
  type Axis,
  axesOfWindows,
  countOf,
  countWithLast,
  emptyMistake,
  PAD_TYPES,
} from "./windows.ts";

const poolRule =
  (most: number): Rule =>
  (o) => {
    const x = one(o, "x");
    const wrong = rankMistake("x", x, 3, most + 2);
    if (wrong !== undefined) return wrong;
    const kernel = ints(o, "kernel_sizes", []);
    if (kernel.length !== x.shape.length - 2 || kernel.some((n) => n < 1))
      return mistake("kernel_sizes", `needs ${x.shape.length - 2} sizes from 1`, { x });
    const isCeil = flag(o, "ceil_mode");
    if (isCeil && textOf(o, "pad_type", "valid").startsWith("same"))
      return mistake("ceil_mode", "has no meaning when `pad_type` is `same`", { x });
    const axes = axesOfWindows(o, x, kernel);
    if ("argument" in axes) return axes;
    const counts = axes.map(isCeil ? countWithLast : countOf);
    const shape = [x.shape[0]!, x.shape[1]!, ...counts];
    return emptyMistake(counts, x) ?? { element: x.element, shape };
  };

/** What a pool makes of the elements under a window; `places` counts those in the padding too. */
type Gather = (elements: readonly number[], places: number) => number;

const pooled =
  (gather: (o: Parameters<Meaning>[0]) => Gather): Meaning =>
  (o, out) => {
    const { data, shape, element } = one(o, "x");
    const axes = axesOfWindows(
      o,
      { element, shape },
      ints(o, "kernel_sizes", []),
    ) as readonly Axis[];
    const strides = stridesOf(shape);
    const finish = gather(o);
    const found: number[] = [];
    return tabulate(out.shape, (index) => {
      found.length = 0;
      let places = 1;
      for (const [i, a] of axes.entries()) {
        // A window that hangs over the padding counts only its part inside.
        const start = index[i + 2]! * a.stride - a.before;
        places *= Math.min(start + a.kernel, a.size + a.after) - start;
      }
      collect(
        data,
        index[0]! * strides[0]! + index[1]! * strides[1]!,
        axes,
        index,
        strides,
        0,
        found,
      );
      return finish(found, places);
    });
  };

/** Adds the elements under the window of `index` to `out`, dimension by dimension. */
function collect(
  data: Float64Array,
  from: number,
  axes: readonly Axis[],
  index: readonly number[],
  strides: readonly number[],
  depth: number,
  out: number[],
): void {
  const a = axes[depth];
  if (a === undefined) {
    out.push(data[from]!);
    return;
  }
  const start = index[depth + 2]! * a.stride - a.before;
  const end = Math.min(a.size, start + a.kernel);
  for (let i = Math.max(0, start); i < end; i++)
    collect(data, from + i * strides[depth + 2]!, axes, index, strides, depth + 1, out);
}

const total = (elements: readonly number[]): number => elements.reduce((a, x) => a + x, 0);

const average = pooled((o) => {
  const isExact = flag(o, "exclude_padding_from_average");
  return (elements, places) => total(elements) / (isExact ? elements.length : places);
});

const largest = pooled(
  () => (elements) => elements.reduce((a, x) => Math.max(a, x), Number.NEGATIVE_INFINITY),
);

const euclidean = pooled(() => (elements) => Math.sqrt(elements.reduce((a, x) => a + x * x, 0)));

const ARGUMENTS = `x: floats, kernel_sizes: ints, strides: ints?, pad_type: ${PAD_TYPES}, pad: ints?, ceil_mode: flag?`;

const flops: MilOp["flops"] = (o, outs) =>
  sizeOf(outs[0]!.shape) * sizeOf(ints(o, "kernel_sizes", []));

export const POOLS: readonly MilOp[] = [
  op(
    "avg_pool",
    `${ARGUMENTS}, exclude_padding_from_average: flag?`,
    poolRule(3),
    "the mean under a sliding window",
    { run: average, flops },
  ),
  op("max_pool", ARGUMENTS, poolRule(3), "the largest under a sliding window", {
    run: largest,
    flops,
  }),
  op("l2_pool", ARGUMENTS, poolRule(2), "√Σ x² under a sliding window", { run: euclidean, flops }),
];
