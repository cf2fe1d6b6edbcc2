// One rule after the other; each names its fact.

#include "limits.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace anec::emulator {
namespace {

// facts: unsupported_ops, composed_ops, logical_ops, late_ops, program_state, crop_resize_support
constexpr std::string_view nowhere[] = {
    "acos", "acosh", "argsort", "asin",
    "asinh", "atanh", "band_part", "cond",
    "cosh", "crop_resize", "cumsum", "gru",
    "list_gather", "list_length", "list_read", "list_scatter",
    "list_write", "logical_and", "logical_or", "logical_xor",
    "lstm", "make_list", "mod", "neg",
    "non_zero", "one_hot", "random_bernoulli", "random_categorical",
    "random_normal", "random_uniform", "range_1d", "read_state",
    "reduce_argmax", "reduce_argmin", "reduce_prod", "reverse_sequence",
    "rnn", "sinh", "sliding_windows", "tan",
    "while_loop", "write_state",
};

// fact: texture_ops
constexpr std::string_view between_pixels[] = {
    "affine", "resample", "resize", "resize_bilinear", "sort", "upsample_bilinear",
};
// fact: unpacked_reshape
constexpr std::string_view reshapes[] = {"expand_dims", "reshape", "squeeze", "transpose"};
// fact: dynamic_gather
constexpr std::string_view gathers[] = {"gather", "gather_along_axis", "gather_nd"};

constexpr int last_family_without_texture = 1;
constexpr int last_family_without_trigonometry = 2;
constexpr int last_family_without_mixed_affine = 2;
constexpr int first_family_with_long_sums = 4;
constexpr int first_family_with_wide_kernels = 4;
constexpr int64_t short_sum = 16384, long_sum = 32768, long_conv = 31999;
constexpr int64_t narrow_kernel = 13, wide_kernel = 15, widest_pool = 8;
constexpr size_t most_dimensions = 5;
// fact: score_size, 12 heads of 1,024 by 1,024
constexpr int64_t most_score_bytes = int64_t{12} * 1024 * 1024 * 2;

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error failed(std::string why) { return Error{"", "CompilationFailure", std::move(why)}; }

int64_t elements(const OpCost& op) {
  int64_t count = 1;
  for (const int64_t size : op.shape) count *= size;
  return count;
}

// Products that are added up to one element; 0 for an op that adds up none.
int64_t contraction(const OpCost& op) {
  const bool multiplies = op.op == "matmul" || op.op == "linear" || op.op == "conv";
  return multiplies ? op.flops / (2 * elements(op)) : 0;
}

bool is_wide_integer(ElementType type) {
  return type == ElementType::int32 || type == ElementType::int64 || type == ElementType::uint32 ||
         type == ElementType::uint64;
}

std::string unsupported_type(ElementType type) {
  return std::string("Unsupported tensor data type: ") + name_of(type);
}

// facts: port_types, byte_ports; bools are beyond this emulator
Result<void> check_ports(std::span<const Port> ports) {
  for (const Port& port : ports)
    if (port.type != ElementType::fp16 && port.type != ElementType::fp32)
      return invalid("port `" + port.name + "`: " + unsupported_type(port.type));
  return {};
}

// fact: kernel_width
Result<void> check_kernel(const OpCost& op, int family) {
  const OpArgument* const weight = op.argument("weight");
  const int64_t limit = family < first_family_with_wide_kernels ? narrow_kernel : wide_kernel;
  if (op.op != "conv" || weight == nullptr || weight->shape.size() != 4) return {};
  if (weight->shape[3] <= limit) return {};
  return failed("the kernel is " + std::to_string(weight->shape[3]) + " wide");
}

// fact: pool_width
Result<void> check_pool(const OpCost& op) {
  const OpArgument* const sizes = op.argument("kernel_sizes");
  if (op.op != "max_pool" || sizes == nullptr || sizes->numbers.back() <= widest_pool) return {};
  return failed("the window of `max_pool` is wider than " + std::to_string(widest_pool));
}

// fact: topk_size
Result<void> check_topk(const OpCost& op, int family) {
  const OpArgument* const k = op.argument("k");
  if (op.op != "topk" || k == nullptr || (family != 1 && family != 5)) return {};
  const double count = k->numbers[0];
  return count == 3 || count == 4 ? failed("`topk` of three or four") : Result<void>{};
}

// fact: mixed_affine
Result<void> check_layer_norm(const OpCost& op, int family) {
  const OpArgument *const gamma = op.argument("gamma"), *const beta = op.argument("beta");
  if (op.op != "layer_norm" || family > last_family_without_mixed_affine) return {};
  if (gamma == nullptr || beta == nullptr || gamma->is_constant == beta->is_constant) return {};
  return failed("one of `gamma` and `beta` is a constant and the other is not");
}

// What follows from a statement's operands, of constants too.
Result<void> check_operands(const OpCost& op, int family) {
  const OpArgument* const x = op.argument("x");
  if (is_one_of(reshapes, op.op) && x != nullptr && x->made_by.starts_with("constexpr_"))
    return failed("`" + op.op + "` of packed weights");
  const OpArgument* const indices = op.argument("indices");
  if (is_one_of(gathers, op.op) && indices != nullptr && !indices->is_constant)
    return failed("`" + op.op + "` has indices that are not constant");
  for (const auto& checked : {check_kernel(op, family), check_pool(op), check_topk(op, family),
                              check_layer_norm(op, family)})
    if (!checked.ok()) return checked;
  return {};
}

Result<void> check(const OpCost& op, int family) {
  const std::string quoted = "`" + op.op + "`";
  // fact: integer_tensors
  if (is_wide_integer(op.type)) return invalid(unsupported_type(op.type));
  if (op.shape.size() > most_dimensions)
    return failed(quoted + " gives a tensor of more than five dimensions");

  const int64_t k = contraction(op);
  const int64_t limit = family < first_family_with_long_sums ? short_sum
                        : op.op == "conv"                    ? long_conv
                                                             : long_sum;
  if (k > limit) return failed(quoted + " adds up " + std::to_string(k) + " products");
  const size_t rank = op.shape.size();
  if (family <= last_family_without_trigonometry && op.op == "matmul" && op.weight_bytes > 0 &&
      k == 8192 && rank >= 2 && op.shape[rank - 2] == 128)
    return failed("`matmul` of 128 rows with a constant of 8,192 rows");
  if (op.op == "softmax" && op.bytes_written > most_score_bytes)
    return failed("the scores take " + std::to_string(op.bytes_written) + " bytes");
  return {};
}

}  // namespace

std::string refusal_of(std::string_view op, int family) {
  const std::string name(op);
  if (is_one_of(nowhere, op)) return "Unsupported MIL operation \"" + name + "\".";
  if (op == "scatter" || op == "scatter_nd" || op == "scatter_along_axis")
    return name + " MIL op is currently only supported on uANE targets (u1-u4)";
  const bool turns = op == "sin" || op == "cos";
  if (turns && family <= last_family_without_trigonometry)
    return "`" + name + "` needs M3 or later";
  if (is_one_of(between_pixels, op) && family <= last_family_without_texture)
    return "`" + name + "` needs M2 or later";
  return "";
}

Result<void> check_limits(const Program& program, std::string_view function, int family) {
  // fact: returned_input
  for (const Port& output : program.outputs(function))
    for (const Port& input : program.inputs(function))
      if (input.name == output.name) return invalid("the input `" + input.name + "` is returned");
  for (const OpCost& op : program.ops(function))
    if (auto checked = check_operands(op, family); !checked.ok()) return checked;
  for (const auto ports : {program.inputs(function), program.outputs(function)})
    if (auto checked = check_ports(ports); !checked.ok()) return checked;
  for (const OpCost& op : program.ops(function)) {
    if (op.is_constant) continue;
    if (auto checked = check(op, family); !checked.ok()) return checked;
  }
  return {};
}

}  // namespace anec::emulator
