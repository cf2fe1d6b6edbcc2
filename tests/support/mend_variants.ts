/**
 * Programs that facts mend, besides the example of each: other element types, ranks, flags and
 * shapes. Read by the conformance tests, which run each before and after its mend.
 */
import {
  constant,
  convArguments,
  fp16,
  line,
  program,
  weight,
} from "../../compiler/target/facts/examples.ts";

const SHAPE = [1, 64, 1, 32];
const X = fp16("x", SHAPE);
const fp32 = (name: string, shape: readonly number[]): string =>
  `tensor<fp32, [${shape.join(", ")}]> ${name}`;
const bool = (name: string, shape: readonly number[]): string =>
  `tensor<bool, [${shape.join(", ")}]> ${name}`;
const lines = (...all: string[]): string => all.join("\n");
const axes = (...list: number[]): string => `tensor<int32, [${list.length}]>([${list.join(", ")}])`;

/** One op on `x`, in fp16 and fp32. */
const onX = (call: string): string[] => [
  program(X, line("y", SHAPE, call)),
  program(fp32("x", SHAPE), `${fp32("y", SHAPE)} = ${call.replaceAll("fp16", "fp32")};`),
];

const square32 = [1, 1, 32, 32];
const half = [1, 1, 32, 64];
const attention = ["k", "q", "v"].map((n) => fp16(n, [1, 4, 32, 64])).join(", ");
const attended = (mask: string): string =>
  line(
    "y",
    [1, 4, 32, 64],
    `scaled_dot_product_attention(query = q, key = k, value = v, attn_mask = ${mask})`,
  );
const sizes = (name: string, list: readonly number[]): string =>
  constant(`tensor<int32, [${list.length}]>`, name, `[${list.join(", ")}]`);
const conditions = `${bool("p", [1, 64, 1, 32])} = greater(x = x, y = fp16(0.5));
${bool("q", [1, 64, 1, 1])} = less(x = z, y = fp16(0.75));`;
const chosen = line("y", SHAPE, "select(cond = t, a = x, b = fp16(0))");

/** By the name of a fact. */
export const MEND_VARIANTS: Readonly<Record<string, readonly string[]>> = {
  row_stride: [
    program(
      fp16("x", [2, 3, 5, 7]),
      line("y", [2, 3, 7, 5], `transpose(x = x, perm = ${axes(0, 1, 3, 2)})`),
    ),
    program(
      `${bool("p", [1, 8, 1, 20])}, ${fp16("x", [1, 8, 1, 20])}`,
      lines(
        `${bool("y", [1, 8, 1, 20])} = logical_not(x = p);`,
        line("z", [1, 8, 1, 20], "relu(x = x)"),
      ),
      "y, z",
    ),
    program(
      fp16("x", [1, 64, 1, 32]),
      'tensor<uint16, [1, 64, 1, 1]> y = reduce_argmax(x = x, axis = int32(3), keep_dims = bool(true), output_dtype = string("uint16"));',
    ),
    program(fp32("x", [1, 8, 1, 20]), `${fp32("y", [1, 8, 1, 20])} = relu(x = x);`),
    program(
      fp16("x", [1, 8, 1, 20]),
      lines(line("y", [1, 8, 1, 20], "relu(x = x)"), line("z", [1, 8, 1, 20], "exp(x = y)")),
      "y, z",
    ),
  ],
  port_order: [
    program(
      `${fp16("b", SHAPE)}, ${fp16("a", SHAPE)}`,
      lines(line("z", SHAPE, "sub(x = a, y = b)"), line("y", SHAPE, "mul(x = a, y = z)")),
      "z, y",
    ),
  ],
  returned_input: [program(X, line("y", SHAPE, "relu(x = x)"), "y, x"), program(X, "", "x")],
  defined_twice: [
    program(X, lines(line("x", SHAPE, "relu(x = x)"), line("y", SHAPE, "exp(x = x)")), "y"),
    program(X, lines(line("x", SHAPE, "exp(x = x)"), line("x", SHAPE, "sqrt(x = x)")), "x"),
  ],
  contraction_limit: [
    program(
      `${fp16("a", [2, 32800])}, ${fp16("b", [32, 32800])}`,
      line("y", [2, 32], "matmul(x = a, y = b, transpose_y = bool(true))"),
    ),
    program(
      `${fp16("a", [32800, 2])}, ${fp16("b", [32800, 32])}`,
      line("y", [2, 32], "matmul(x = a, y = b, transpose_x = bool(true))"),
    ),
  ],
  composed_ops: [
    ...["neg", "sinh", "cosh", "tan"].flatMap((op) => onX(`${op}(x = x)`)),
    ...onX("mod(x = x, y = fp16(0.375))"),
    program(`${X}, ${fp16("z", [64, 1, 1])}`, line("y", SHAPE, "mod(x = x, y = z)")),
    program("tensor<int32, [4, 16]> x", "tensor<int32, [4, 16]> y = neg(x = x);"),
  ],
  required_epsilon: ["rsqrt", "log", "inverse"].flatMap((op) => onX(`${op}(x = x)`)),
  small_epsilon: ["rsqrt", "log", "inverse"].flatMap((op) =>
    onX(`${op}(x = x, epsilon = fp16(0x1p-20))`),
  ),
  gelu_mode: onX("gelu(x = x)"),
  conv_bias: [
    program(
      fp16("x", [2, 8, 32]),
      lines(
        weight("w", [16, 4, 3]),
        weight("b", [16], 4288),
        line(
          "y",
          [2, 16, 30],
          'conv(x = x, weight = w, bias = b, strides = tensor<int32, [1]>([1]), pad_type = string("valid"), pad = tensor<int32, [2]>([0, 0]), dilations = tensor<int32, [1]>([1]), groups = int32(2))',
        ),
      ),
    ),
    program(
      `${fp16("b", [64])}, ${X}`,
      lines(
        weight("w", [64, 1, 1, 1]),
        line("y", SHAPE, `conv(x = x, weight = w, bias = b, ${convArguments(64)})`),
      ),
    ),
  ],
  inline_arguments: [
    program(fp16("x", half), line("y", half, "softmax(x = x, axis = -1)")),
    program(
      fp16("x", half),
      line("y", [1, 1, 32, 1], `reduce_mean(x = x, axes = ${axes(-1)}, keep_dims = true)`),
    ),
    program(
      fp16("x", half),
      line("y", half, `layer_norm(x = x, axes = ${axes(3)}, epsilon = fp16(0x1p-10))`),
    ),
  ],
  attention_mask: [
    program(`${attention}, ${bool("mask", square32)}`, attended("mask")),
    program(`${attention}, ${fp16("mask", [32, 32])}`, attended("mask")),
    program(
      ["k", "mask", "q", "v"]
        .map((n) => fp32(n, n === "mask" ? [1, 1, 8, 16] : [1, 2, n === "q" ? 8 : 16, 16]))
        .join(", "),
      `${fp32("y", [1, 2, 8, 16])} = scaled_dot_product_attention(query = q, key = k, value = v, attn_mask = mask);`,
    ),
  ],
  rows_128_by_8192: [
    program(
      fp16("x", [128, 8192]),
      lines(weight("w", [8192, 32]), line("y", [128, 32], "matmul(x = x, y = w)")),
    ),
  ],
  linear_op: [
    program(
      fp16("x", [2, 32, 64]),
      lines(weight("w", [32, 64]), line("y", [2, 32, 32], "linear(x = x, weight = w)")),
    ),
  ],
  affine_layer_norm: [
    program(
      `${fp16("g", [64])}, ${X}`,
      line("y", SHAPE, `layer_norm(x = x, axes = ${axes(1)}, gamma = g, epsilon = fp16(0x1p-10))`),
    ),
    program(
      `${fp16("b", [32, 64])}, ${fp16("x", half)}`,
      line("y", half, `layer_norm(x = x, axes = ${axes(-2, -1)}, beta = b)`),
    ),
  ],
  softmax_channels: [
    program(
      fp16("x", [2, 6, 32, 32]),
      line("y", [2, 6, 32, 32], "softmax(x = x, axis = int32(-3))"),
    ),
  ],
  joined_slices: [
    program(
      fp16("x", [8, 96]),
      lines(
        sizes("size", [8, 32]),
        line("a", [8, 32], `slice_by_size(x = x, begin = ${axes(0, 64)}, size = size)`),
        line("b", [8, 32], `slice_by_size(x = x, begin = ${axes(0, 32)}, size = size)`),
        line("y", [8, 64], "concat(values = (a, b), axis = int32(1), interleave = bool(false))"),
      ),
    ),
  ],
  slice_gain: [
    program(
      fp16("x", [1, 64, 1, 64]),
      line(
        "y",
        SHAPE,
        `slice_by_size(x = x, begin = ${axes(0, 0, 0, 32)}, size = ${axes(-1, -1, -1, -1)})`,
      ),
    ),
    program(
      fp16("x", [1, 64, 2, 64]),
      line(
        "y",
        [1, 32, 1, 32],
        `slice_by_size(x = x, begin = ${axes(0, 8, 1, 32)}, size = ${axes(1, 32, 1, 32)})`,
      ),
    ),
    program(
      fp16("x", [1, 64, 1, 64]),
      line(
        "y",
        SHAPE,
        `slice_by_index(x = x, begin = ${axes(0, 0, 0, 32)}, end = ${axes(1, 64, 1, 64)})`,
      ),
    ),
    program(
      fp16("x", [1, 64, 1, 96]),
      line(
        "y",
        SHAPE,
        `slice_by_index(x = x, begin = ${axes(0, 0, 0, 32)}, end = ${axes(0, 0, 0, 96)}, stride = ${axes(1, 1, 1, 2)}, begin_mask = tensor<bool, [4]>([true, true, true, false]), end_mask = tensor<bool, [4]>([true, true, true, false]))`,
      ),
    ),
  ],
  split_attention: [
    program(
      fp16("x", [1, 1, 96, 32]),
      lines(
        `${fp16("a", [1, 1, 64, 32])}, ${fp16("b", [1, 1, 32, 32])} = split(x = x, split_sizes = ${axes(64, 32)}, axis = int32(-2));`,
        line("s", [1, 1, 64, 32], "matmul(x = a, y = b)"),
        line("y", [1, 1, 64, 32], "softmax(x = s, axis = int32(-1))"),
      ),
    ),
  ],
  square_fusion: [
    program(fp32("x", [1, 8, 1, 96]), `${fp32("y", [1, 8, 1, 96])} = square(x = x);`),
  ],
  select_condition: [
    program(
      `${fp16("m", [64, 1, 1])}, ${X}`,
      line("y", SHAPE, "select(cond = m, a = x, b = fp16(0.5))"),
    ),
    program(
      `tensor<int32, [1, 64, 1, 32]> m, ${X}`,
      line("y", SHAPE, "select(cond = m, a = x, b = fp16(0.5))"),
    ),
  ],
  logical_ops: ["logical_and", "logical_or", "logical_xor"].map((op) =>
    program(
      `${X}, ${fp16("z", [1, 64, 1, 1])}`,
      lines(conditions, `${bool("t", SHAPE)} = ${op}(x = p, y = q);`, chosen),
    ),
  ),
  mean_factor: [
    program(
      fp16("x", half),
      lines(
        constant("fp16", "f", "0.000488281"),
        line("s", [1], `reduce_sum(x = x, axes = ${axes(1, 2, -1)}, keep_dims = bool(false))`),
        line("y", [1], "mul(x = s, y = f)"),
      ),
    ),
  ],
  mask_constant: [
    program(
      fp16("x", [2, 4]),
      lines(
        constant("tensor<fp16, [2, 4]>", "m", "[[0, -inf, -inf, 0], [0, 0, -65504, -inf]]"),
        line("s", [2, 4], "add(x = m, y = x)"),
        line("y", [2, 4], "softmax(x = s, axis = int32(-1))"),
      ),
    ),
  ],
  log_sum_exp: [
    program(
      fp16("x", half),
      line(
        "y",
        [1, 1, 32, 1],
        `reduce_log_sum_exp(x = x, axes = ${axes(-1)}, keep_dims = bool(true))`,
      ),
    ),
    program(
      fp16("x", half),
      line(
        "y",
        [1, 64],
        `reduce_log_sum_exp(x = x, axes = ${axes(1, 2)}, keep_dims = bool(false))`,
      ),
    ),
    program(
      fp16("x", [8, 32]),
      line("y", [], "reduce_log_sum_exp(x = x, keep_dims = bool(false))").replace(
        "tensor<fp16, []>",
        "fp16",
      ),
    ),
  ],
  softplus_cutoff: onX("softplus(x = x)"),
  scale_before_product: [
    program(
      `${fp16("a", [1, 1, 64, 32])}, ${fp16("b", [1, 1, 32, 64])}`,
      lines(
        constant("fp16", "s", "0.125"),
        constant("fp16", "t", "4"),
        line("g", [1, 1, 64, 32], "mul(x = a, y = s)"),
        line("h", [1, 1, 32, 64], "mul(x = b, y = t)"),
        line(
          "y",
          [1, 1, 32, 32],
          "matmul(x = g, y = h, transpose_x = bool(true), transpose_y = bool(true))",
        ),
      ),
    ),
  ],
};
