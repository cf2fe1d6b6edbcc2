/** Formulas of products, attention and convolutions. */
import { list, type OracleCase, type Reader, sum } from "../../../support/mil_oracle.ts";

type Inputs = Readonly<Record<string, Reader>>;

const matmul = (flipX: boolean, flipY: boolean): OracleCase => ({
  op: "matmul",
  about: `transposed: ${flipX}, ${flipY}`,
  in: { x: `F 2,1,${flipX ? "4,3" : "3,4"}`, y: `F 2,${flipY ? "5,4" : "4,5"}` },
  y: `matmul(x = x, y = y, transpose_x = ${flipX}, transpose_y = ${flipY})`,
  out: "F 2,2,3,5",
  at: ({ x, y }, a, b, i, j) =>
    sum(4, (k) => {
      const left = flipX ? x!(a!, 0, k, i!) : x!(a!, 0, i!, k);
      return left * (flipY ? y!(b!, j!, k) : y!(b!, k, j!));
    }),
});

/** One element of a convolution with kernel [3, 2]; the image is 0 outside. */
const tap = (
  { x, w }: Inputs,
  [n, o, p, q]: readonly number[],
  { inputs, perGroup }: { readonly inputs: number; readonly perGroup: number },
  down: (p: number, kh: number) => number,
  across: (q: number, kw: number) => number,
): number =>
  sum(inputs, (i) =>
    sum(3, (kh) =>
      sum(2, (kw) => {
        const channel = Math.floor(o! / perGroup) * inputs + i;
        return x!(n!, channel, down(p!, kh), across(q!, kw)) * w!(o!, i, kh, kw);
      }),
    ),
  );

const whole = { inputs: 3, perGroup: 4 };

/** One place of a transposed convolution of [3, 4] pixels: every pixel and tap that lands on it. */
const landing = (
  { x, w }: Inputs,
  [n, o, p, q]: readonly number[],
  move: { readonly stride: number; readonly dilation: number; readonly before: number },
): number =>
  sum(2, (c) =>
    sum(12, (pixel) =>
      sum(6, (t) => {
        const [i, j, kh, kw] = [pixel >> 2, pixel & 3, t >> 1, t & 1];
        const row = i * move.stride + kh * move.dilation - move.before;
        const column = j * move.stride + kw * move.dilation - move.before;
        const channel = Math.floor(o! / 3) * 2 + c;
        if (row !== p || column !== q) return 0;
        return x!(n!, channel, i, j) * w!(channel, o! % 3, kh, kw);
      }),
    ),
  );

const attend = (
  { q, k, v }: Inputs,
  [b, h, i, e]: readonly number[],
  mask: (i: number, j: number) => number,
): number => {
  const score = (j: number): number => sum(4, (d) => q!(b!, h!, i!, d) * k!(b!, h!, j, d)) / 2;
  const weights = list(5, (j) => Math.exp(score(j) + mask(i!, j)));
  const total = weights.reduce((a, w) => a + w, 0);
  return sum(5, (j) => (weights[j]! / total) * v!(b!, h!, j, e!));
};

const qkv = { q: "F 1,2,3,4", k: "F 1,2,5,4", v: "F 1,2,5,6" };
const QKV = "query = q, key = k, value = v";

export const PRODUCTS: readonly OracleCase[] = [
  matmul(false, false),
  matmul(true, false),
  matmul(false, true),
  matmul(true, true),
  {
    op: "matmul",
    about: "a vector on each side",
    in: { x: "F 4", y: "F 4" },
    y: "matmul(x = x, y = y)",
    out: "F -",
    at: ({ x, y }) => sum(4, (k) => x!(k) * y!(k)),
  },
  {
    op: "matmul",
    about: "a vector on the right",
    in: { x: "F 2,3,4", y: "F 4" },
    y: "matmul(x = x, y = y)",
    out: "F 2,3",
    at: ({ x, y }, b, i) => sum(4, (k) => x!(b!, i!, k) * y!(k)),
  },
  {
    op: "linear",
    in: { x: "F 2,3,4", w: "F 5,4", b: "F 5" },
    y: "linear(x = x, weight = w, bias = b)",
    out: "F 2,3,5",
    at: ({ x, w, b }, n, i, o) => sum(4, (k) => x!(n!, i!, k) * w!(o!, k)) + b!(o!),
  },
  {
    op: "einsum",
    in: { a: "F 2,3,4,5", b: "F 1,5,4,6" },
    y: 'einsum(values = (a, b), equation = string("nchw,nwhu->nchu"))',
    out: "F 2,3,4,6",
    at: ({ a, b }, n, c, h, u) => sum(5, (w) => a!(n!, c!, h!, w) * b!(0, w, h!, u!)),
  },
  {
    op: "einsum",
    about: "two letters summed over",
    in: { a: "F 2,3,4", b: "F 4,3,5" },
    y: 'einsum(values = (a, b), equation = string("abc,cbd->da"))',
    out: "F 5,2",
    at: ({ a, b }, d, i) => sum(3, (j) => sum(4, (c) => a!(i!, j, c) * b!(c, j, d!))),
  },
  {
    op: "scaled_dot_product_attention",
    in: qkv,
    y: `scaled_dot_product_attention(${QKV})`,
    out: "F 1,2,3,6",
    at: (inputs, ...index) => attend(inputs, index, () => 0),
  },
  {
    op: "scaled_dot_product_attention",
    about: "added mask",
    in: { ...qkv, m: "F 3,5" },
    y: `scaled_dot_product_attention(${QKV}, attn_mask = m)`,
    out: "F 1,2,3,6",
    at: (inputs, ...index) => attend(inputs, index, (i, j) => inputs["m"]!(i, j)),
  },
  {
    op: "scaled_dot_product_attention",
    about: "bool mask",
    in: qkv,
    y: `scaled_dot_product_attention(${QKV}, attn_mask = tensor<bool, [1, 5]>([true, false, true, true, false]))`,
    out: "F 1,2,3,6",
    at: (inputs, ...index) =>
      attend(inputs, index, (_, j) => (j === 1 || j === 4 ? Number.NEGATIVE_INFINITY : 0)),
  },
  {
    op: "conv",
    in: { x: "F 2,3,6,5", w: "F 4,3,3,2", b: "F 4" },
    y: 'conv(x = x, weight = w, bias = b, strides = [1, 1], pad_type = string("valid"), pad = [0, 0, 0, 0], dilations = [1, 1], groups = 1)',
    out: "F 2,4,4,4",
    at: (t, ...i) => {
      const value = tap(
        t,
        i,
        whole,
        (p, k) => p + k,
        (q, k) => q + k,
      );
      return value + t["b"]!(i[1]!);
    },
  },
  {
    op: "conv",
    about: "padding, strides, dilations",
    in: { x: "F 1,3,6,7", w: "F 4,3,3,2" },
    y: 'conv(x = x, weight = w, strides = [2, 3], pad_type = string("custom"), pad = [2, 1, 0, 3], dilations = [2, 1], groups = 1)',
    out: "F 1,4,3,3",
    at: (t, ...i) => {
      const down = (p: number, k: number): number => 2 * p + 2 * k - 2;
      return tap(t, i, whole, down, (q, k) => 3 * q + k);
    },
  },
  {
    op: "conv",
    about: "same",
    in: { x: "F 1,3,5,6", w: "F 4,3,3,2" },
    y: 'conv(x = x, weight = w, strides = [2, 1], pad_type = string("same"))',
    out: "F 1,4,3,6",
    at: (t, ...i) => {
      const down = (p: number, k: number): number => 2 * p + k - 1;
      return tap(t, i, whole, down, (q, k) => q + k);
    },
  },
  {
    op: "conv",
    about: "same_lower",
    in: { x: "F 1,3,5,6", w: "F 4,3,3,2" },
    y: 'conv(x = x, weight = w, strides = [2, 1], pad_type = string("same_lower"))',
    out: "F 1,4,3,6",
    at: (t, ...i) => {
      const down = (p: number, k: number): number => 2 * p + k - 1;
      return tap(t, i, whole, down, (q, k) => q + k - 1);
    },
  },
  {
    op: "conv",
    about: "groups",
    in: { x: "F 2,4,4,4", w: "F 6,2,3,2" },
    y: "conv(x = x, weight = w, groups = 2)",
    out: "F 2,6,2,3",
    at: (t, ...i) => {
      const along = (p: number, k: number): number => p + k;
      return tap(t, i, { inputs: 2, perGroup: 3 }, along, along);
    },
  },
  {
    op: "conv",
    about: "one dimension",
    in: { x: "F 2,3,8", w: "F 2,3,4" },
    y: "conv(x = x, weight = w, strides = [2])",
    out: "F 2,2,3",
    at: ({ x, w }, n, o, p) => sum(3, (c) => sum(4, (k) => x!(n!, c, 2 * p! + k) * w!(o!, c, k))),
  },
  {
    op: "conv",
    about: "three dimensions",
    in: { x: "F 1,2,3,4,5", w: "F 2,2,2,2,2" },
    y: "conv(x = x, weight = w)",
    out: "F 1,2,2,3,4",
    at: ({ x, w }, n, o, d, h, v) =>
      sum(16, (t) => {
        const [c, a, b, e] = [t >> 3, (t >> 2) & 1, (t >> 1) & 1, t & 1];
        return x!(n!, c, d! + a, h! + b, v! + e) * w!(o!, c, a, b, e);
      }),
  },
  {
    op: "conv_transpose",
    in: { x: "F 2,2,3,4", w: "F 2,3,3,2", b: "F 3" },
    y: "conv_transpose(x = x, weight = w, bias = b, strides = [2, 2])",
    out: "F 2,3,7,8",
    at: (t, ...i) => landing(t, i, { stride: 2, dilation: 1, before: 0 }) + t["b"]!(i[1]!),
  },
  {
    op: "conv_transpose",
    about: "padding and dilations",
    in: { x: "F 1,2,3,4", w: "F 2,3,3,2" },
    y: 'conv_transpose(x = x, weight = w, strides = [2, 2], dilations = [2, 2], pad_type = string("custom"), pad = [1, 1, 1, 1])',
    out: "F 1,3,7,7",
    at: (t, ...i) => landing(t, i, { stride: 2, dilation: 2, before: 1 }),
  },
  {
    op: "conv_transpose",
    about: "groups, and a given size",
    in: { x: "F 1,4,3,4", w: "F 4,3,3,2" },
    y: "conv_transpose(x = x, weight = w, groups = 2, output_shape = [1, 6, 6, 7])",
    out: "F 1,6,6,7",
    at: (t, ...i) => landing(t, i, { stride: 1, dilation: 1, before: 0 }),
  },
  {
    op: "conv_transpose",
    about: "same",
    in: { x: "F 1,2,3,4", w: "F 2,3,3,2" },
    y: 'conv_transpose(x = x, weight = w, strides = [1, 1], pad_type = string("same"))',
    out: "F 1,3,3,4",
    // Of the two rows too many one is cut at each end, of the one column the last.
    at: ({ x, w }, n, o, p, q) =>
      sum(2, (c) =>
        sum(12, (t) => {
          const [i, j] = [t >> 2, t & 3];
          return x!(n!, c, i, j) * w!(c, o!, p! + 1 - i, q! - j);
        }),
      ),
  },
];
