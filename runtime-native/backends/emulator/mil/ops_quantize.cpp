// Quantised values, and weights that are stored small and made large when a program is compiled.

#include <algorithm>
#include <bit>
#include <cmath>

#include "map.h"
#include "ops.h"
#include "parser.h"

namespace anec::emulator {
namespace {

// Scale and zero point are scalars, or lists along an axis of x; `out` is so shaped that it
// broadcasts with x.
bool spread(Call& c, const char* name, const Operand& x, Operand& out) {
  out = c.one(name);
  if (out.shape.empty()) return true;
  const Operand* axis = c.maybe("axis");
  if (axis == nullptr) return c.fail(name, "is a list, so `axis` must be given");
  const auto found = axis_of(c.integer("axis", 0), x.shape.size());
  if (!found) return c.fail("axis", "must be an axis of " + text_of(x.shape));
  if (out.shape != Shape{x.shape[size_t(*found)]})
    return c.fail(name, "must have a value for each of " + std::to_string(x.shape[size_t(*found)]));
  out.shape.resize(x.shape.size() - size_t(*found), 1);
  return true;
}

bool operands_of(Call& c, const Operand& x, Operand& scale, Operand& zero,
                 std::vector<const Operand*>& out) {
  if (!spread(c, "scale", x, scale)) return false;
  out = {&x, &scale};
  if (c.maybe("zero_point") == nullptr) return true;
  if (!spread(c, "zero_point", x, zero)) return false;
  out.push_back(&zero);
  return true;
}

// round(x / scale) + zero point, in the range of the type; halves go to the even number, in `exact`
// away from zero.
template <double (*Round)(double), bool HasZero>
void quantize_map(const double* const* in, const double* range, double* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const double q = Round(in[0][i] / in[1][i]) + (HasZero ? in[2][i] : 0);
    out[i] = q != q ? 0 : std::clamp(q, range[0], range[1]);
  }
}

double half_even(double x) {
  const double low = std::floor(x), rest = x - low;
  if (rest != 0.5) return rest < 0.5 ? low : low + 1;
  return std::fmod(low, 2) == 0 ? low : low + 1;
}
double half_away(double x) { return std::round(x); }

bool quantize(Call& c) {
  const Operand& x = c.one("input");
  const std::string dtype = c.text("output_dtype", "");
  ElementType type;
  if (!element_type_of(dtype, type) || (type != ElementType::int8 && type != ElementType::uint8))
    return c.fail("output_dtype", "must be \"int8\" or \"uint8\"");
  const Operand* given = c.maybe("zero_point");
  if (given != nullptr && given->type != type) return c.fail("zero_point", "must be " + dtype);
  Operand scale, zero;
  std::vector<const Operand*> operands;
  if (!operands_of(c, x, scale, zero, operands)) return false;
  c.result(type, x.shape);
  const auto [low, high] = integer_range(type);
  const bool has_zero = given != nullptr;
  return map(c, operands, has_zero ? quantize_map<half_even, true> : quantize_map<half_even, false>,
             {.constants = {low, high},
              .exact = has_zero ? quantize_map<half_away, true> : quantize_map<half_away, false>});
}

// scale · (x − zero point)
template <bool HasZero>
void dequantize_map(const double* const* in, const double*, double* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[1][i] * (in[0][i] - (HasZero ? in[2][i] : 0));
}

bool dequantize_from(Call& c, const char* argument) {
  const Operand& x = c.one(argument);
  Operand scale, zero;
  std::vector<const Operand*> operands;
  if (!operands_of(c, x, scale, zero, operands)) return false;
  c.result(scale.type, x.shape);
  return map(c, operands, operands.size() == 3 ? dequantize_map<true> : dequantize_map<false>);
}

bool dequantize(Call& c) { return dequantize_from(c, "input"); }

bool affine_dequantize(Call& c) {
  for (const char* name : {"quantized_data", "scale", "zero_point"})
    if (!c.one(name).is_constant) return c.fail(name, "must be a constant");
  return dequantize_from(c, "quantized_data");
}

// For each element of `shape` its block's place among `blocks`, as strides of a broadcast operand:
// one dimension of blocks and one within them.
bool block_shapes(const Shape& shape, const Shape& blocks, Shape& data, Shape& parameters) {
  if (blocks.size() != shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (blocks[i] < 1 || shape[i] % blocks[i] != 0) return false;
    if (blocks[i] == 1 || blocks[i] == shape[i]) {
      data.push_back(shape[i]);
      parameters.push_back(blocks[i]);
      continue;
    }
    data.insert(data.end(), {blocks[i], shape[i] / blocks[i]});
    parameters.insert(parameters.end(), {blocks[i], 1});
  }
  return true;
}

// scale · (data − offset) with scale and offset of the block that an element lies in.
bool blockwise(Call& c) {
  Operand data = c.one("data"), scale = c.one("scale");
  const Shape shape = data.shape;
  for (const char* name : {"data", "scale"})
    if (!c.one(name).is_constant) return c.fail(name, "must be a constant");
  Shape split, parameters;
  if (!block_shapes(shape, scale.shape, split, parameters))
    return c.fail("scale", "must have sizes that divide " + text_of(shape));
  const Operand* given = c.maybe("offset");
  if (given != nullptr && given->shape != scale.shape)
    return c.fail("offset", "must have the shape of `scale`");
  Operand offset = given == nullptr ? scale : *given;
  data.shape = split;
  scale.shape = offset.shape = parameters;
  std::vector<const Operand*> operands = {&data, &scale};
  if (given != nullptr) operands.push_back(&offset);
  // The map sees the blocks as dimensions of their own.
  c.result(scale.type, split);
  if (!map(c, operands, given != nullptr ? dequantize_map<true> : dequantize_map<false>))
    return false;
  c.reshape_result(0, shape);
  return true;
}

// Element i of `bits` bits each, packed into bytes from the low bits up.
int64_t unpacked(const float* bytes, int bits, int64_t i) {
  int64_t value = 0;
  for (int k = 0; k < bits; ++k) {
    const int64_t bit = i * bits + k;
    value |= int64_t(std::bit_cast<int32_t>(bytes[bit >> 3]) >> (bit & 7) & 1) << k;
  }
  return value;
}

// Older programs give packed bytes, and a shape beside them.
bool packed_palette(Call& c, const Operand& indices, const Operand& lut, const Shape& shape) {
  const int64_t entries = lut.shape.size() == 1 ? lut.shape[0] : 0;
  int bits = 0;
  for (const int n : {1, 2, 4, 6, 8})
    if (entries == int64_t{1} << n) bits = n;
  if (bits == 0) return c.fail("lut", "must be a list of 2, 4, 16, 64 or 256 entries");
  for (const int64_t n : shape)
    if (n < 1) return c.fail("shape", "must have no size below 1");
  const int64_t size = size_of(shape), bytes = (bits * size + 7) / 8;
  if (indices.type != ElementType::uint8 || indices.shape != Shape{bytes})
    return c.fail("indices", "must be a list of " + std::to_string(bytes) + " bytes");
  c.result(lut.type, shape);
  return c.run([=, in = c.in(indices), table = c.in(lut)](const Run& run) {
    for (int64_t i = 0; i < size; ++i)
      run.out[0][i] = run.in[table][unpacked(run.in[in], bits, i)];
  });
}

// A table for each block of the indices; entries of several elements lie along `vector_axis`.
bool palette(Call& c) {
  const Operand &indices = c.one("indices"), &lut = c.one("lut");
  for (const char* name : {"indices", "lut"})
    if (!c.one(name).is_constant) return c.fail(name, "must be a constant");
  if (const auto shape = c.ints("shape")) return packed_palette(c, indices, lut, *shape);
  const size_t rank = indices.shape.size();
  bool fits = lut.shape.size() == rank + 2;
  for (size_t d = 0; fits && d < rank; ++d) fits = indices.shape[d] % lut.shape[d] == 0;
  if (!fits)
    return c.fail("lut",
                  "must have sizes that divide " + text_of(indices.shape) + ", and two more");
  const int64_t entries = lut.shape[rank], width = lut.shape[rank + 1];
  const int bits = bits_of(indices.type);
  if (integer_range(indices.type).low < 0 || bits > 8)
    return c.fail("indices", "must be whole numbers of up to 8 bits, without a sign");
  if (entries != int64_t{1} << bits)
    return c.fail("lut", "needs " + std::to_string(int64_t{1} << bits) + " entries");
  if (width != 1 && c.maybe("vector_axis") == nullptr)
    return c.fail("vector_axis", "must be given, as entries have several elements");
  const auto axis = axis_of(c.integer("vector_axis", 0), rank);
  if (rank > 0 && !axis) return c.fail("vector_axis", "must be an axis of the indices");
  Shape shape = indices.shape;
  if (rank > 0) shape[size_t(*axis)] *= width;
  c.result(lut.type, shape);
  return c.run([=, in = c.in(indices), table = c.in(lut), from = indices.shape, blocks = lut.shape,
                along = rank > 0 ? size_t(*axis) : 0, size = size_of(shape)](const Run& run) {
    for (int64_t i = 0; i < size; ++i) {
      int64_t rest = i, at = 0, block = 0, step = 1, block_step = 1, lane = 0;
      for (size_t d = rank; d-- > 0; rest /= shape[d]) {
        int64_t index = rest % shape[d];
        if (d == along) lane = index % width, index /= width;
        at += index * step;
        block += index / (from[d] / blocks[d]) * block_step;
        step *= from[d];
        block_step *= blocks[d];
      }
      const int32_t entry = std::bit_cast<int32_t>(run.in[in][at]);
      run.out[0][i] = run.in[table][(block * entries + entry) * width + lane];
    }
  });
}

constexpr const char* kAffine = "quantized_data:bytes scale:floats zero_point:numbers axis:int";

}  // namespace

std::span<const OpSpec> quantization_ops() {
  static constexpr OpSpec list[] = {
      {"quantize", "input:floats scale:floats zero_point:bytes? axis:int? output_dtype:text",
       quantize},
      {"dequantize", "input:bytes scale:floats zero_point:bytes? axis:int?", dequantize},
      {"constexpr_affine_dequantize", kAffine, affine_dequantize},
      {"constexpr_lut_to_dense", "indices:wholes lut:values shape:ints? vector_axis:int?", palette},
      {"constexpr_blockwise_shift_scale", "data:numbers scale:floats offset:numbers?", blockwise},
  };
  return list;
}

}  // namespace anec::emulator
