// Ops that put tensors side by side, and take them apart.

#include <algorithm>
#include <cstring>

#include "ops.h"

namespace anec::emulator {
namespace {

// A part of the result: for every outer index, `width` cells of an operand go to `offset`.
struct Part {
  int in;
  int64_t width, offset;
};

bool copy_parts(Call& c, std::vector<Part> parts, int64_t outer, int64_t row) {
  return c.run([parts = std::move(parts), outer, row](const Run& run) {
    for (const Part& p : parts) {
      for (int64_t i = 0; i < outer; ++i)
        std::memcpy(run.out[0] + i * row + p.offset, run.in[p.in] + i * p.width,
                    size_t(p.width) * sizeof(float));
    }
  });
}

int64_t product_of(const Shape& shape, size_t from, size_t to) {
  return size_of(Shape(shape.begin() + ptrdiff_t(from), shape.begin() + ptrdiff_t(to)));
}

// Interleaved values give one slice in turn; others all of theirs. Scalars become a list.
bool concat(Call& c) {
  const auto values = c.many("values");
  if (values.empty()) return c.fail("values", "needs at least one value");
  Shape shape = values[0]->shape.empty() ? Shape{1} : values[0]->shape;
  const auto found = axis_of(c.integer("axis", 0), shape.size());
  if (!found) return c.fail("axis", "must be an axis of the values");
  const size_t axis = size_t(*found);
  const bool interleave = c.flag("interleave");
  int64_t total = 0;
  for (const Operand* v : values) {
    Shape own = v->shape.empty() ? Shape{1} : v->shape;
    bool fits = v->type == values[0]->type && own.size() == shape.size();
    for (size_t d = 0; fits && d < own.size(); ++d) fits = d == axis || own[d] == shape[d];
    if (!fits) return c.fail("values", "may differ only along axis " + std::to_string(axis));
    if (interleave && own[axis] != shape[axis])
      return c.fail("values", "must have one shape to be interleaved");
    total += own[axis];
  }
  const int64_t each = shape[axis];
  shape[axis] = total;
  c.result(values[0]->type, shape);
  if (size_of(shape) > kLargest) return c.unsupported("is larger than anything the emulator holds");
  const int64_t inner = product_of(shape, axis + 1, shape.size());
  int64_t outer = product_of(shape, 0, axis), row = total * inner, offset = 0;
  std::vector<Part> parts;
  for (const Operand* v : values) {
    const int64_t own = v->shape.empty() ? 1 : v->shape[axis];
    const int64_t width = interleave ? inner : own * inner;
    parts.push_back({c.in(*v), width, offset});
    offset += width;
  }
  if (interleave) {
    outer *= each;
    row = inner * int64_t(values.size());
  }
  return copy_parts(c, std::move(parts), outer, row);
}

// Values of one shape along a new axis.
bool stack(Call& c) {
  const auto values = c.many("values");
  if (values.empty()) return c.fail("values", "needs at least one value");
  for (const Operand* v : values) {
    if (v->type != values[0]->type || v->shape != values[0]->shape)
      return c.fail("values", "must have one type");
  }
  Shape shape = values[0]->shape;
  const auto found = axis_of(c.integer("axis", 0), shape.size() + 1);
  if (!found) return c.fail("axis", "must be an axis of the result");
  const size_t axis = size_t(*found);
  const int64_t inner = product_of(shape, axis, shape.size()), outer = product_of(shape, 0, axis);
  const int64_t count = int64_t(values.size());
  shape.insert(shape.begin() + ptrdiff_t(axis), count);
  c.result(values[0]->type, shape);
  if (size_of(shape) > kLargest) return c.unsupported("is larger than anything the emulator holds");
  std::vector<Part> parts;
  for (const Operand* v : values) parts.push_back({c.in(*v), inner, int64_t(parts.size()) * inner});
  return copy_parts(c, std::move(parts), outer, count * inner);
}

// x in parts along an axis.
bool split(Call& c) {
  const Operand& x = c.one("x");
  const auto found = axis_of(c.integer("axis", 0), x.shape.size());
  if (!found) return c.fail("axis", "must be an axis of `x`");
  const size_t axis = size_t(*found);
  const int64_t n = x.shape[axis];
  const auto given = c.ints("split_sizes");
  const int64_t parts = c.integer("num_splits", given ? int64_t(given->size()) : 0);
  if (parts < 1 || parts > n) return c.fail("num_splits", "or `split_sizes` must name the parts");
  if (!given && n % parts != 0) return c.fail("num_splits", "must divide " + std::to_string(n));
  const Shape sizes = given ? *given : Shape(size_t(parts), n / parts);
  int64_t total = 0;
  bool fits = int64_t(sizes.size()) == parts;
  for (const int64_t size : sizes) {
    fits = fits && size >= 1 && size <= n;
    total += fits ? size : 0;
  }
  if (!fits || total != n) return c.fail("split_sizes", "must add up to " + std::to_string(n));
  std::vector<Box> boxes;
  Box box{x.shape, strides_of(x.shape)};
  for (const int64_t size : sizes) {
    box.shape[axis] = size;
    c.result(x.type, box.shape);
    boxes.push_back(merged(box));
    box.offset += size * box.strides[axis];
  }
  return c.run([in = c.in(x), boxes = std::move(boxes)](const Run& run) {
    for (size_t i = 0; i < boxes.size(); ++i) copy_box(boxes[i], run.in[in], run.out[i]);
  });
}

}  // namespace

std::span<const OpSpec> join_ops() {
  static constexpr OpSpec list[] = {
      {"concat", "values:values* axis:int interleave:flag?", concat},
      {"stack", "values:values* axis:int", stack},
      {"split", "x:values num_splits:int? split_sizes:ints? axis:int", split},
  };
  return list;
}

}  // namespace anec::emulator
