/** The table of MIL ops against the dossier's list, and the ops that are checked but not run. */
import { expect, test } from "vitest";
import { MIL_OPS, milOp } from "../../../compiler/mil/ops.ts";

/** Ops with their arguments as `ane-facts.md` §2 spells them; several of one form on one line. */
const DOSSIER = `
slice_by_size(x, begin, size)
slice_by_index(x, begin, end, stride, begin_mask, end_mask, squeeze_mask)
slice_update(x, update, begin, end, stride, begin_mask, end_mask, squeeze_mask)
reshape(x, shape)
transpose(x, perm)
concat(axis, interleave, values)
split(x, num_splits, axis)
tile(x, reps)
stack(axis, values)
expand_dims squeeze reverse(x, axes)
flatten2d(x, axis)
pad(x, pad, mode, constant_val)
gather(x, indices, axis, batch_dims, validate_indices)
gather_along_axis(x, indices, axis)
gather_nd(x, indices)
scatter(data, indices, updates, axis, mode)
scatter_along_axis(data, indices, updates, axis, mode)
scatter_nd(data, indices, updates, mode)
one_hot(indices, one_hot_vector_size, axis, on_value, off_value)
non_zero shape(x)
cumsum(x, axis, exclusive, reverse)
band_part(x, lower, upper)
reverse_sequence(x, lengths, seq_axis, batch_axis)
sliding_windows(x, axis, size, stride)
argsort(x, axis, ascending)
while_loop(loop_vars)
cond(pred)
list_length list_read list_write list_gather list_scatter(ls)
make_list(init_length)
random_bernoulli random_normal random_uniform(shape)
random_categorical(x)
topk(x, k, axis, ascending, sort, return_indices, output_indices_dtype)
depth_to_space space_to_depth(x, block_size)
pixel_shuffle(x, upscale_factor)
pixel_unshuffle(x, downscale_factor)
batch_to_space(x, block_shape, crops)
space_to_batch(x, block_shape, paddings)
crop(x, crop_height, crop_width)
resize_nearest_neighbor(x, target_size_height, target_size_width)
resize_bilinear(x, target_size_height, target_size_width, sampling_mode)
upsample_nearest_neighbor(x, scale_factor_height, scale_factor_width)
upsample_bilinear(x, scale_factor_height, scale_factor_width, align_corners)
identity(x)
read_state(input)
write_state(data, input)
fill(shape, value)
fill_like(ref_tensor, value)
range_1d(start, end, step)
cast(x, dtype)
conv(x, weight, bias, strides, pad_type, pad, dilations, groups)
conv_transpose(x, weight, strides, pad_type, pad, dilations, groups, output_shape)
matmul(x, y, transpose_x, transpose_y)
linear(x, weight, bias)
einsum(equation, values)
scaled_dot_product_attention(query, key, value, attn_mask)
layer_norm(x, axes, gamma, beta, epsilon)
batch_norm(x, mean, variance, gamma, beta, epsilon)
instance_norm(x, gamma, beta, epsilon)
local_response_norm(x, size, alpha, beta, k)
l2_norm(x, epsilon)
add sub mul real_div maximum minimum pow floor_div mod(x, y)
neg abs sign sqrt exp exp2 erf square floor ceil round(x)
rsqrt log inverse(x, epsilon)
sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh(x)
clip(x, alpha, beta)
select(cond, a, b)
equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor(x, y)
logical_not(x)
threshold thresholded_relu(x, alpha)
softplus relu sigmoid tanh silu softsign relu6(x)
leaky_relu elu prelu(x, alpha)
gelu(x, mode)
scaled_tanh clamped_relu sigmoid_hard linear_activation softplus_parametric(x, alpha, beta)
softmax(x, axis)
reduce_sum reduce_mean reduce_max reduce_min reduce_l1_norm reduce_l2_norm reduce_log_sum(x, axes, keep_dims)
reduce_log_sum_exp reduce_sum_square reduce_prod(x, axes, keep_dims)
reduce_argmax reduce_argmin(x, axis, keep_dims)
avg_pool(x, kernel_sizes, strides, pad_type, pad, ceil_mode, exclude_padding_from_average)
max_pool l2_pool(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
constexpr_affine_dequantize(quantized_data, scale, zero_point, axis)
quantize(input, scale, output_dtype, zero_point, axis)
dequantize(input, scale, zero_point, axis)
constexpr_blockwise_shift_scale(data, scale, offset)
constexpr_lut_to_dense(indices, lut, vector_axis)
constexpr_sparse_to_dense(nonzero_data, mask)
constexpr_lut_to_sparse(indices_mask, indices_nonzero_data, lut, vector_axis)
constexpr_sparse_blockwise_shift_scale(data_mask, nonzero_data, scale, offset)
constexpr_cast(source_val, output_dtype)
affine(x, transform_matrix)
crop_resize(x)
resample(x, coordinates)
`;

/** Names of §2 that are no ops of MIL: coremltools has none of them, and no program was found with one. */
const NO_OPS: Readonly<Record<string, string>> = {
  where: "converters write `select`",
  sort: "converters write `topk` or `argsort`",
};

/** Ops whose types are checked and that are not run. */
const NOT_RUN: Readonly<Record<string, string>> = {
  random_bernoulli: "two runs give different numbers",
  random_categorical: "two runs give different numbers",
  random_normal: "two runs give different numbers",
  random_uniform: "two runs give different numbers",
  non_zero: "the size of its result depends on the values",
  non_maximum_suppression: "its order among equal scores is not documented",
  classify: "its results are strings and dictionaries",
  make_list: "lists are no tensors",
  list_length: "lists are no tensors",
  list_read: "lists are no tensors",
  list_write: "lists are no tensors",
  list_gather: "lists are no tensors",
  list_scatter: "lists are no tensors",
  cond: "its branches are blocks, which the text form of programs for the engine does not have",
  while_loop: "its body is a block, which the text form of programs for the engine does not have",
  crop_resize: "where it samples a box is not documented",
  conv_quantized: "from before programs had `constexpr_*` weights, and not documented",
};

const forms = DOSSIER.trim()
  .split("\n")
  .flatMap((line) => {
    const [, names, args] = /^([\w ]+)\((.*)\)$/.exec(line)!;
    return names!.split(" ").map((name) => [name, args!.split(", ")] as const);
  });

test.each(forms)("`%s` takes the arguments of the dossier", (name, args) => {
  const known = milOp(name)?.args.map((a) => a.name) ?? [];
  expect(args.filter((arg) => !known.includes(arg))).toEqual([]);
  const required = milOp(name)?.args.filter((a) => a.required) ?? [];
  const isWhole = milOp(name)?.run !== undefined && !["affine", "resample"].includes(name);
  if (isWhole) expect(required.filter((a) => !args.includes(a.name))).toEqual([]);
});

test("names of the dossier that the table leaves out are no ops", () => {
  for (const name of Object.keys(NO_OPS)) expect(milOp(name)).toBeUndefined();
});

test("every op is run, or there is a reason why not", () => {
  const idle = MIL_OPS.filter((o) => o.run === undefined).map((o) => o.name);
  expect(idle.sort()).toEqual(Object.keys(NOT_RUN).sort());
});
