/** Formulas of ops that only move elements. */
import type { OracleCase, Reader } from "../../../support/mil_oracle.ts";

/** Element n of a reader of shape [2, 3, 4] in row-major order. */
const flat = (x: Reader, n: number): number => x(Math.floor(n / 12), Math.floor(n / 4) % 3, n % 4);

const reshape = (op: string, y: string, shape: readonly number[]): OracleCase => ({
  op,
  about: `[${shape}]`,
  in: { x: "F 2,3,4" },
  y,
  out: `F ${shape.join(",")}`,
  at: ({ x }, ...index) => {
    const place = index.reduce((at, n, i) => at * shape[i]! + n, 0);
    return flat(x!, place);
  },
});

/** Where place i of a reflected axis of n elements comes from. */
function reflected(i: number, n: number, isEdgeTwice: boolean): number {
  if (i < 0) return isEdgeTwice ? -i - 1 : -i;
  if (i >= n) return isEdgeTwice ? 2 * n - 1 - i : 2 * n - 2 - i;
  return i;
}

type Padded = (x: Reader, b: number, i: number, j: number) => number;

const pad = (mode: string, extra: string, f: Padded): OracleCase => ({
  op: "pad",
  about: mode,
  in: { x: "F 2,3,4" },
  y: `pad(x = x, pad = [1, 2, 2, 0], mode = string("${mode}")${extra})`,
  out: "F 2,6,6",
  at: ({ x }, b, i, j) => f(x!, b!, i! - 1, j! - 2),
});

const isInside = (i: number, j: number): boolean => i >= 0 && i < 3 && j >= 0 && j < 4;
const clamp = (i: number, n: number): number => Math.min(n - 1, Math.max(0, i));

const CUT =
  "begin = [1, 3, -3], end = [2, 0, 0], stride = [1, -2, 1], begin_mask = [false, false, false], end_mask = [false, true, true], squeeze_mask = [true, false, false]";

export const SHAPES: readonly OracleCase[] = [
  reshape("reshape", "reshape(x = x, shape = [4, -1])", [4, 6]),
  reshape("reshape", "reshape(x = x, shape = [0, -1, 2])", [2, 6, 2]),
  reshape(
    "reshape_like",
    "reshape_like(x = x, ref_tensors = (x, tensor<fp16, [1, 4, 3]>([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])), begins = (0, 1), ends = (1, 0), end_masks = (false, true))",
    [2, 4, 3],
  ),
  reshape("expand_dims", "expand_dims(x = x, axes = [0, -1])", [1, 2, 3, 4, 1]),
  reshape("flatten2d", "flatten2d(x = x, axis = 1)", [2, 12]),
  reshape("flatten2d", "flatten2d(x = x, axis = -1)", [6, 4]),
  {
    op: "squeeze",
    in: { x: "F 1,3,1,4" },
    y: "squeeze(x = x, axes = [-2])",
    out: "F 1,3,4",
    at: ({ x }, a, i, j) => x!(a!, i!, 0, j!),
  },
  {
    op: "squeeze",
    about: "all",
    in: { x: "F 1,3,1,4" },
    y: "squeeze(x = x)",
    out: "F 3,4",
    at: ({ x }, i, j) => x!(0, i!, 0, j!),
  },
  {
    op: "transpose",
    in: { x: "F 2,3,4" },
    y: "transpose(x = x, perm = [2, 0, -2])",
    out: "F 4,2,3",
    at: ({ x }, k, i, j) => x!(i!, j!, k!),
  },
  {
    op: "reverse",
    in: { x: "F 2,3,4" },
    y: "reverse(x = x, axes = [0, -1])",
    out: "F 2,3,4",
    at: ({ x }, i, j, k) => x!(1 - i!, j!, 3 - k!),
  },
  {
    op: "reverse",
    about: "all axes",
    in: { x: "int32 2,3 -9..9" },
    y: "reverse(x = x)",
    out: "int32 2,3",
    at: ({ x }, i, j) => x!(1 - i!, 2 - j!),
  },
  {
    op: "reverse_sequence",
    in: { x: "F 3,5", l: "int32 3 0..5" },
    y: "reverse_sequence(x = x, lengths = l, seq_axis = 1, batch_axis = 0)",
    out: "F 3,5",
    at: ({ x, l }, b, i) => (i! < l!(b!) ? x!(b!, l!(b!) - 1 - i!) : x!(b!, i!)),
  },
  {
    op: "shape",
    in: { x: "F 2,3,4" },
    y: "shape(x = x)",
    out: "int32 3",
    at: (_, i) => i! + 2,
  },
  {
    op: "sliding_windows",
    in: { x: "F 2,7,3" },
    y: "sliding_windows(x = x, axis = 1, size = 3, stride = 2)",
    out: "F 2,3,3,3",
    at: ({ x }, i, w, k, j) => x!(i!, 2 * w! + k!, j!),
  },

  {
    op: "slice_by_size",
    in: { x: "F 2,5,4" },
    y: "slice_by_size(x = x, begin = [1, 2, 0], size = [1, -1, 3])",
    out: "F 1,3,3",
    at: ({ x }, _, i, j) => x!(1, i! + 2, j!),
  },
  {
    op: "slice_by_index",
    in: { x: "F 2,5,4" },
    y: "slice_by_index(x = x, begin = [0, 1, -3], end = [2, -1, 4], stride = [1, 2, 1])",
    out: "F 2,2,3",
    at: ({ x }, i, j, k) => x!(i!, 1 + 2 * j!, 1 + k!),
  },
  {
    op: "slice_by_index",
    about: "backwards, with masks",
    in: { x: "F 2,5,4" },
    y: `slice_by_index(x = x, ${CUT})`,
    out: "F 2,3",
    at: ({ x }, j, k) => x!(1, 3 - 2 * j!, 1 + k!),
  },
  {
    op: "slice_update",
    in: { x: "F 2,5,4", u: "F 2,3" },
    y: `slice_update(x = x, update = u, ${CUT})`,
    out: "F 2,5,4",
    at: ({ x, u }, i, j, k) =>
      i === 1 && (j === 3 || j === 1) && k! >= 1 ? u!((3 - j) / 2, k! - 1) : x!(i!, j!, k!),
  },
  {
    op: "concat",
    in: { a: "F 2,3", b: "F 2,1", c: "F 2,2" },
    y: "concat(values = (a, b, c), axis = -1, interleave = false)",
    out: "F 2,6",
    at: ({ a, b, c }, i, j) => (j! < 3 ? a!(i!, j!) : j! < 4 ? b!(i!, 0) : c!(i!, j! - 4)),
  },
  {
    op: "concat",
    about: "interleaved",
    in: { a: "F 2,3,2", b: "F 2,3,2" },
    y: "concat(values = (a, b), axis = 1, interleave = true)",
    out: "F 2,6,2",
    at: ({ a, b }, i, j, k) => (j! % 2 === 0 ? a! : b!)(i!, j! >> 1, k!),
  },
  {
    op: "stack",
    in: { a: "F 2,3", b: "F 2,3" },
    y: "stack(values = (a, b), axis = 1)",
    out: "F 2,2,3",
    at: ({ a, b }, i, s, j) => (s === 0 ? a! : b!)(i!, j!),
  },
  {
    op: "split",
    in: { x: "F 2,6" },
    y: "split(x = x, num_splits = 3, axis = 1)",
    out: ["F 2,2", "F 2,2", "F 2,2"],
    at: [
      ({ x }, i, j) => x!(i!, j!),
      ({ x }, i, j) => x!(i!, 2 + j!),
      ({ x }, i, j) => x!(i!, 4 + j!),
    ],
  },
  {
    op: "split",
    about: "sizes",
    in: { x: "F 5,2" },
    y: "split(x = x, split_sizes = [2, 3], axis = 0)",
    out: ["F 2,2", "F 3,2"],
    at: [({ x }, i, j) => x!(i!, j!), ({ x }, i, j) => x!(i! + 2, j!)],
  },
  {
    op: "tile",
    in: { x: "F 2,3" },
    y: "tile(x = x, reps = [3, 2])",
    out: "F 6,6",
    at: ({ x }, i, j) => x!(i! % 2, j! % 3),
  },
  pad("constant", ", constant_val = F(7)", (x, b, i, j) => (isInside(i, j) ? x(b, i, j) : 7)),
  pad("reflect", "", (x, b, i, j) => x(b, reflected(i, 3, false), reflected(j, 4, false))),
  pad("symmetric", "", (x, b, i, j) => x(b, reflected(i, 3, true), reflected(j, 4, true))),
  pad("replicate", "", (x, b, i, j) => x(b, clamp(i, 3), clamp(j, 4))),
];
