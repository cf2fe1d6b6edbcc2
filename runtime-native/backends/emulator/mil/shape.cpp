// Broadcasting, axes, and copies of strided boxes.

#include "shape.h"

#include <cstring>

namespace anec::emulator {

int64_t size_of(const Shape& shape) {
  int64_t size = 1;
  bool empty = false;
  for (const int64_t n : shape) empty = empty || n == 0;
  if (empty) return 0;
  for (const int64_t n : shape) {
    if (n > kLargest || size * n > kLargest) return kLargest + 1;
    size *= n;
  }
  return size;
}

Shape strides_of(const Shape& shape) {
  Shape out(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) out[i - 1] = out[i] * shape[i];
  return out;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const size_t rank = a.size() > b.size() ? a.size() : b.size();
  Shape out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t p = i + a.size() < rank ? 1 : a[i + a.size() - rank];
    const int64_t q = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (p != q && p != 1 && q != 1) return std::nullopt;
    out[i] = p == 1 ? q : p;
  }
  return out;
}

Shape broadcast_strides(const Shape& from, const Shape& shape) {
  const Shape dense = strides_of(from);
  const size_t missing = shape.size() - from.size();
  Shape out(shape.size(), 0);
  for (size_t i = missing; i < shape.size(); ++i)
    out[i] = from[i - missing] == 1 ? 0 : dense[i - missing];
  return out;
}

std::optional<int64_t> axis_of(int64_t axis, size_t rank) {
  const int64_t found = axis < 0 ? axis + int64_t(rank) : axis;
  if (found < 0 || found >= int64_t(rank)) return std::nullopt;
  return found;
}

bool contains(const Shape& list, int64_t value) {
  for (const int64_t n : list)
    if (n == value) return true;
  return false;
}

std::optional<Shape> axes_of(const Shape& axes, size_t rank) {
  Shape out;
  for (const int64_t axis : axes) {
    const auto found = axis_of(axis, rank);
    if (!found || contains(out, *found)) return std::nullopt;
    out.push_back(*found);
  }
  return out;
}

std::string text_of(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += shape[i] == -1 ? "?" : std::to_string(shape[i]);
  }
  return out + "]";
}

std::string text_of(ElementType type, const Shape& shape) { return name_of(type) + text_of(shape); }

std::vector<int64_t> offsets_of(const Shape& shape, const Shape& strides, int64_t offset) {
  std::vector<int64_t> out;
  const int64_t size = size_of(shape);
  out.reserve(size_t(size));
  Shape index(shape.size(), 0);
  int64_t at = offset;
  for (int64_t i = 0; i < size; ++i) {
    out.push_back(at);
    for (size_t axis = shape.size(); axis-- > 0;) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return out;
}

Box merged(const Box& box) {
  Box out;
  out.offset = box.offset;
  for (size_t i = 0; i < box.shape.size(); ++i) {
    if (box.shape[i] == 1) continue;
    if (!out.shape.empty() && out.strides.back() == box.strides[i] * box.shape[i]) {
      out.shape.back() *= box.shape[i];
      out.strides.back() = box.strides[i];
    } else {
      out.shape.push_back(box.shape[i]);
      out.strides.push_back(box.strides[i]);
    }
  }
  if (out.shape.empty()) {
    out.shape = {1};
    out.strides = {1};
  }
  return out;
}

namespace {

typedef uint32_t Cell __attribute__((may_alias));

// Visits the rows of the last dimension: where a row starts in the strided side, and in the dense.
template <class Row>
void each_row(const Box& box, const Row& row) {
  const size_t last = box.shape.size() - 1;
  const int64_t width = box.shape[last];
  if (size_of(box.shape) == 0) return;
  int64_t index[16] = {}, at = box.offset, dense = 0;
  for (;;) {
    row(at, dense);
    dense += width;
    size_t axis = last;
    for (;;) {
      if (axis == 0) return;
      --axis;
      at += box.strides[axis];
      if (++index[axis] < box.shape[axis]) break;
      at -= index[axis] * box.strides[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

void copy_box(const Box& box, const float* in, float* out) {
  const int64_t width = box.shape.back(), step = box.strides.back();
  each_row(box, [=](int64_t strided, int64_t dense) {
    if (step == 1) {
      std::memcpy(out + dense, in + strided, size_t(width) * sizeof(float));
      return;
    }
    const Cell* from = reinterpret_cast<const Cell*>(in) + strided;
    Cell* to = reinterpret_cast<Cell*>(out) + dense;
    for (int64_t i = 0; i < width; ++i) to[i] = from[i * step];
  });
}

void scatter_box(const Box& box, const float* in, float* out) {
  const int64_t width = box.shape.back(), step = box.strides.back();
  each_row(box, [=](int64_t strided, int64_t dense) {
    const Cell* from = reinterpret_cast<const Cell*>(in) + dense;
    Cell* to = reinterpret_cast<Cell*>(out) + strided;
    for (int64_t i = 0; i < width; ++i) to[i * step] = from[i];
  });
}

}  // namespace anec::emulator
