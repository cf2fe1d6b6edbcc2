/** Formulas of ops on images: pools, other sizes, blocks of pixels. */
import { list, type OracleCase, type Reader } from "../../../support/mil_oracle.ts";

interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly size: number;
}

/** The places of a window that lie inside the image. */
function inside({ kernel, stride, before, size }: Window, at: number): number[] {
  return list(kernel, (k) => at * stride + k - before).filter((p) => p >= 0 && p < size);
}

const total = (row: number[]): number => row.reduce((a, v) => a + v, 0);

const pool = (
  op: string,
  extra: string,
  f: (elements: number[]) => number,
  about = "",
): OracleCase => ({
  op,
  about,
  in: { x: "F 2,3,5,4" },
  y: `${op}(x = x, kernel_sizes = [3, 2], strides = [2, 1], pad_type = string("custom"), pad = [1, 1, 0, 1]${extra})`,
  out: "F 2,3,3,4",
  at: ({ x }, n, c, p, q) => {
    const rows = inside({ kernel: 3, stride: 2, before: 1, size: 5 }, p!);
    const columns = inside({ kernel: 2, stride: 1, before: 0, size: 4 }, q!);
    return f(rows.flatMap((i) => columns.map((j) => x!(n!, c!, i, j))));
  },
});

const hanging = { kernel: 3, stride: 2, before: 0, size: 6 };

/** Elements between places, with places outside drawn to the edge. */
function between(n: number, place: number, at: (i: number) => number): number {
  const p = Math.min(n - 1, Math.max(0, place));
  const [low, high] = [Math.floor(p), Math.ceil(p)];
  return low === high ? at(low) : at(low) * (high - p) + at(high) * (p - low);
}

/** Place of result i of `to` on an axis of `from`, as coremltools writes them. */
const GRIDS: Readonly<Record<string, (i: number, from: number, to: number) => number>> = {
  STRICT_ALIGN_CORNERS: (i, from, to) => i * ((from - 1) / (to - 1)),
  ALIGN_CORNERS: (i, from, to) => i * ((from - 1) / (to - 1)),
  UNALIGN_CORNERS: (i, from, to) => {
    const spacing = from / to;
    return i * spacing + 0.5 * spacing - 0.5;
  },
  DEFAULT: (i, from, to) => i * ((from - from / to) / (to - 1)),
  OFFSET_CORNERS: (i, from, to) => {
    const delta = Math.max(1, from - 1) / to;
    return 0.5 * delta + i * delta;
  },
};

/** [3, 4] at [7, 6]. */
const bilinear = (x: Reader, [n, c, p, q]: readonly number[], mode: string): number => {
  const grid = GRIDS[mode]!;
  const row = (i: number): number => between(4, grid(q!, 4, 6), (j) => x(n!, c!, i, j));
  return between(3, grid(p!, 3, 7), row);
};

const nearest = (i: number, from: number, to: number): number => Math.floor((i * from) / to);

export const IMAGES: readonly OracleCase[] = [
  pool("max_pool", "", (e) => Math.max(...e)),
  // The padded image is a multiple of the window's steps, so every window is whole.
  pool("avg_pool", "", (e) => total(e) / 6),
  pool(
    "avg_pool",
    ", exclude_padding_from_average = true",
    (e) => total(e) / e.length,
    "without padding",
  ),
  pool("l2_pool", "", (e) => Math.hypot(...e)),
  {
    op: "max_pool",
    about: "rounded up",
    in: { x: "F 1,2,6" },
    y: 'max_pool(x = x, kernel_sizes = [3], strides = [2], pad_type = string("valid"), ceil_mode = true)',
    out: "F 1,2,3",
    at: ({ x }, n, c, p) => Math.max(...inside(hanging, p!).map((i) => x!(n!, c!, i))),
  },
  {
    op: "avg_pool",
    about: "rounded up: the last window counts its part",
    in: { x: "F 1,2,6" },
    y: 'avg_pool(x = x, kernel_sizes = [3], strides = [2], pad_type = string("valid"), ceil_mode = true)',
    out: "F 1,2,3",
    at: ({ x }, n, c, p) => {
      const places = inside(hanging, p!);
      return total(places.map((i) => x!(n!, c!, i))) / places.length;
    },
  },
  {
    op: "max_pool",
    about: "same, three dimensions",
    in: { x: "F 1,1,4,3,5" },
    y: 'max_pool(x = x, kernel_sizes = [2, 2, 2], strides = [2, 2, 2], pad_type = string("same"))',
    out: "F 1,1,2,2,3",
    at: ({ x }, n, c, d, h, w) => {
      const two = (at: number, size: number): number[] =>
        [2 * at, 2 * at + 1].filter((p) => p < size);
      const row = (i: number, j: number): number[] => two(w!, 5).map((k) => x!(n!, c!, i, j, k));
      return Math.max(...two(d!, 4).flatMap((i) => two(h!, 3).flatMap((j) => row(i, j))));
    },
  },

  ...Object.keys(GRIDS).map(
    (mode): OracleCase => ({
      op: "resize_bilinear",
      about: mode,
      in: { x: "F 1,2,3,4" },
      y: `resize_bilinear(x = x, target_size_height = 7, target_size_width = 6, sampling_mode = string("${mode}"))`,
      out: "F 1,2,7,6",
      at: ({ x }, ...i) => bilinear(x!, i, mode),
    }),
  ),
  {
    op: "resize",
    about: "linear",
    in: { x: "F 1,2,3,4" },
    y: 'resize(x = x, shape = [7, 6], resized_dims = uint32(2), interpolation_mode = string("LINEAR"), sampling_mode = string("UNALIGN_CORNERS"))',
    out: "F 1,2,7,6",
    at: ({ x }, ...i) => bilinear(x!, i, "UNALIGN_CORNERS"),
  },
  {
    op: "resize",
    about: "nearest, one size kept",
    in: { x: "F 1,2,3,4" },
    y: 'resize(x = x, shape = [1, 0, 9], resized_dims = uint32(2), interpolation_mode = string("NEAREST_NEIGHBOR"))',
    out: "F 1,2,3,9",
    at: ({ x }, n, c, p, q) => x!(n!, c!, p!, nearest(q!, 4, 9)),
  },
  {
    op: "resize_nearest_neighbor",
    in: { x: "F 1,2,3,4" },
    y: "resize_nearest_neighbor(x = x, target_size_height = 6, target_size_width = 3)",
    out: "F 1,2,6,3",
    at: ({ x }, n, c, p, q) => x!(n!, c!, nearest(p!, 3, 6), nearest(q!, 4, 3)),
  },
  {
    op: "upsample_nearest_neighbor",
    in: { x: "F 2,3,4" },
    y: "upsample_nearest_neighbor(x = x, scale_factor_height = 2, scale_factor_width = fp32(3))",
    out: "F 2,6,12",
    at: ({ x }, c, p, q) => x!(c!, p! >> 1, Math.floor(q! / 3)),
  },
  {
    op: "upsample_bilinear",
    in: { x: "F 1,1,3,4" },
    y: "upsample_bilinear(x = x, scale_factor_height = fp32(2), scale_factor_width = fp32(2.5), align_corners = true)",
    out: "F 1,1,6,10",
    at: ({ x }, n, c, p, q) =>
      between(3, (p! * 2) / 5, (i) => between(4, (q! * 3) / 9, (j) => x!(n!, c!, i, j))),
  },
  {
    op: "upsample_bilinear",
    about: "pixels with centres",
    in: { x: "F 1,1,3,4" },
    y: "upsample_bilinear(x = x, scale_factor_height = 2, scale_factor_width = 2, align_corners = false)",
    out: "F 1,1,6,8",
    at: ({ x }, n, c, p, q) =>
      between(3, p! / 2 - 0.25, (i) => between(4, q! / 2 - 0.25, (j) => x!(n!, c!, i, j))),
  },
  {
    op: "crop",
    in: { x: "F 1,2,5,6" },
    y: "crop(x = x, crop_height = [1, 2], crop_width = [3, 0])",
    out: "F 1,2,2,3",
    at: ({ x }, n, c, p, q) => x!(n!, c!, p! + 1, q! + 3),
  },

  {
    op: "depth_to_space",
    in: { x: "F 2,12,2,3" },
    y: "depth_to_space(x = x, block_size = 2)",
    out: "F 2,3,4,6",
    at: ({ x }, n, c, p, q) => x!(n!, ((p! % 2) * 2 + (q! % 2)) * 3 + c!, p! >> 1, q! >> 1),
  },
  {
    op: "space_to_depth",
    in: { x: "F 2,3,4,6" },
    y: "space_to_depth(x = x, block_size = 2)",
    out: "F 2,12,2,3",
    at: ({ x }, n, k, p, q) => {
      const block = Math.floor(k! / 3);
      return x!(n!, k! % 3, 2 * p! + (block >> 1), 2 * q! + (block & 1));
    },
  },
  {
    op: "pixel_shuffle",
    in: { x: "F 2,12,2,3" },
    y: "pixel_shuffle(x = x, upscale_factor = 2)",
    out: "F 2,3,4,6",
    at: ({ x }, n, c, p, q) => x!(n!, c! * 4 + (p! % 2) * 2 + (q! % 2), p! >> 1, q! >> 1),
  },
  {
    op: "pixel_unshuffle",
    in: { x: "F 2,3,4,6" },
    y: "pixel_unshuffle(x = x, downscale_factor = uint32(2))",
    out: "F 2,12,2,3",
    at: ({ x }, n, k, p, q) => x!(n!, k! >> 2, 2 * p! + ((k! >> 1) & 1), 2 * q! + (k! & 1)),
  },
  {
    op: "space_to_batch",
    in: { x: "F 2,3,4,5" },
    y: "space_to_batch(x = x, block_shape = [2, 3], paddings = tensor<int32, [2, 2]>([[1, 1], [0, 1]]))",
    out: "F 12,3,3,2",
    at: ({ x }, b, c, p, q) => {
      const [block, n] = [Math.floor(b! / 2), b! % 2];
      return x!(n, c!, 2 * p! + Math.floor(block / 3) - 1, 3 * q! + (block % 3));
    },
  },
  {
    op: "batch_to_space",
    in: { x: "F 12,3,3,2" },
    y: "batch_to_space(x = x, block_shape = [2, 3], crops = tensor<int32, [2, 2]>([[1, 1], [0, 1]]))",
    out: "F 2,3,4,5",
    at: ({ x }, n, c, p, q) => {
      const row = p! + 1;
      const block = (row % 2) * 3 + (q! % 3);
      return x!(block * 2 + n!, c!, row >> 1, Math.floor(q! / 3));
    },
  },
];
