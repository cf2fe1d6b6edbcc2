// Shapes, strides and the walks that follow from them.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mil.h"

namespace anec::emulator {

using Shape = std::vector<int64_t>;

// Products beyond this are refused before anything is allocated.
inline constexpr int64_t kLargest = int64_t{1} << 28;

// The number of elements; kLargest + 1 for more than that.
int64_t size_of(const Shape& shape);

// Elements between neighbours along each axis of a dense tensor.
Shape strides_of(const Shape& shape);

// The common shape of two, as numpy broadcasts them.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

// Strides with which a dense tensor of shape `from` is read as if it had `shape`.
Shape broadcast_strides(const Shape& from, const Shape& shape);

// An axis counted from 0; negative ones count from the end.
std::optional<int64_t> axis_of(int64_t axis, size_t rank);

// Several axes from 0; none if one does not exist or is given twice.
std::optional<Shape> axes_of(const Shape& axes, size_t rank);

bool contains(const Shape& list, int64_t value);

// `[1, 8]`
std::string text_of(const Shape& shape);
// `fp16[1, 8]`
std::string text_of(ElementType type, const Shape& shape);

// Offsets of all elements of a strided box, in row-major order.
std::vector<int64_t> offsets_of(const Shape& shape, const Shape& strides, int64_t offset = 0);

// A box of cells read with strides and written densely. Neighbouring dimensions that lie behind
// each other are merged, and dimensions of one element are dropped.
struct Box {
  Shape shape;
  Shape strides;
  int64_t offset = 0;
};
Box merged(const Box& box);

// out[i, j, …] = in[offset + i · strides[0] + j · strides[1] + …]; cells are moved as bits.
void copy_box(const Box& merged_box, const float* in, float* out);
// The other way round: in is dense, out is strided.
void scatter_box(const Box& merged_box, const float* in, float* out);

}  // namespace anec::emulator
