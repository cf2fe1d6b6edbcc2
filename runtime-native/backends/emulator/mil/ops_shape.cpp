// Ops that keep the elements and change the shape, or only permute whole dimensions.

#include <algorithm>

#include "ops.h"
#include "rows.h"

namespace anec::emulator {
namespace {

// The result is a box of x, cell by cell.
bool copy(Call& c, const Operand& x, const Box& box) {
  return c.run(
      [in = c.in(x), box = merged(box)](const Run& run) { copy_box(box, run.in[in], run.out[0]); });
}

// One dimension may be -1: it takes what is left. A 0 keeps the dimension of x.
bool reshape(Call& c) {
  const Operand& x = c.one("x");
  Shape shape = *c.ints("shape");
  const int64_t total = size_of(x.shape);
  int64_t known = 1;
  int open = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && shape.size() == x.shape.size()) shape[i] = x.shape[i];
    if (shape[i] == -1)
      ++open;
    else if (shape[i] < 1 || known > kLargest || shape[i] > kLargest)
      known = 0;
    else
      known *= shape[i];
  }
  const bool fits = open == 0 ? known == total : open == 1 && known > 0 && total % known == 0;
  if (!fits)
    return c.fail("shape", "must have the " + std::to_string(total) + " elements of `x`, not " +
                               text_of(shape));
  for (int64_t& n : shape)
    if (n == -1) n = total / known;
  c.result(x.type, shape);
  return c.view(x);
}

// Dimension i of the result is dimension perm[i] of x.
bool transpose(Call& c) {
  const Operand& x = c.one("x");
  const Shape perm = *c.ints("perm");
  const auto axes = perm.size() == x.shape.size() ? axes_of(perm, x.shape.size()) : std::nullopt;
  if (!axes)
    return c.fail("perm",
                  "must name each axis of " + text_of(x.shape) + " once, not " + text_of(perm));
  const Shape strides = strides_of(x.shape);
  Box box;
  for (const int64_t axis : *axes) {
    box.shape.push_back(x.shape[size_t(axis)]);
    box.strides.push_back(strides[size_t(axis)]);
  }
  c.result(x.type, box.shape);
  return copy(c, x, box);
}

// Axes are those of the result.
bool expand_dims(Call& c) {
  const Operand& x = c.one("x");
  const Shape asked = *c.ints("axes");
  const size_t rank = x.shape.size() + asked.size();
  const auto axes = axes_of(asked, rank);
  if (!axes) return c.fail("axes", "must be axes of the result, not " + text_of(asked));
  Shape shape;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i)
    shape.push_back(contains(*axes, int64_t(i)) ? 1 : x.shape[next++]);
  c.result(x.type, shape);
  return c.view(x);
}

// No axes means all that have one element.
bool squeeze(Call& c) {
  const Operand& x = c.one("x");
  Shape asked;
  if (const auto given = c.ints("axes")) {
    asked = *given;
  } else {
    for (size_t i = 0; i < x.shape.size(); ++i)
      if (x.shape[i] == 1) asked.push_back(int64_t(i));
  }
  const auto axes = axes_of(asked, x.shape.size());
  bool fits = axes.has_value();
  for (size_t i = 0; fits && i < axes->size(); ++i) fits = x.shape[size_t((*axes)[i])] == 1;
  if (!fits) return c.fail("axes", "must be axes of one element, not " + text_of(asked));
  Shape shape;
  for (size_t i = 0; i < x.shape.size(); ++i)
    if (!contains(*axes, int64_t(i))) shape.push_back(x.shape[i]);
  c.result(x.type, shape);
  return c.view(x);
}

// [d0 · … , da · …]
bool flatten2d(Call& c) {
  const Operand& x = c.one("x");
  const int64_t rank = int64_t(x.shape.size()), asked = c.integer("axis", 1);
  const int64_t axis = asked < 0 ? asked + rank : asked;
  if (axis < 0 || axis > rank || (asked < 0 && axis >= rank))
    return c.fail("axis", "must be an axis of `x`");
  const Shape left(x.shape.begin(), x.shape.begin() + axis),
      right(x.shape.begin() + axis, x.shape.end());
  c.result(x.type, {size_of(left), size_of(right)});
  return c.view(x);
}

// Strides of the reversed axes are negative, from their last element on.
bool reverse(Call& c) {
  const Operand& x = c.one("x");
  Shape axes;
  if (!axes_parameter(c, "axes", x, axes)) return false;
  Box box{x.shape, strides_of(x.shape)};
  for (const int64_t axis : axes) {
    box.offset += box.strides[size_t(axis)] * (x.shape[size_t(axis)] - 1);
    box.strides[size_t(axis)] *= -1;
  }
  c.result(x);
  return copy(c, x, box);
}

// The windows become a dimension behind the axis.
bool sliding_windows(Call& c) {
  const Operand& x = c.one("x");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, 0, axis)) return false;
  const int64_t size = c.integer("size", 1), stride = c.integer("stride", 1),
                n = x.shape[size_t(axis)];
  if (size < 1 || size > n) return c.fail("size", "must fit into the axis");
  if (stride < 1) return c.fail("stride", "must be 1 or more");
  Box box{x.shape, strides_of(x.shape)};
  const int64_t step = box.strides[size_t(axis)];
  box.shape[size_t(axis)] = (n - size) / stride + 1;
  box.strides[size_t(axis)] = box.shape[size_t(axis)] == 1 ? step : step * stride;
  box.shape.insert(box.shape.begin() + axis + 1, size);
  box.strides.insert(box.strides.begin() + axis + 1, step);
  c.result(x.type, box.shape);
  return copy(c, x, box);
}

// Dimension i of the result is reps[i] times that of x.
bool tile(Call& c) {
  const Operand& x = c.one("x");
  const Shape reps = *c.ints("reps");
  bool fits = reps.size() == x.shape.size();
  for (const int64_t n : reps) fits = fits && n >= 1 && n <= kLargest;
  if (!fits) return c.fail("reps", "needs one number from 1 for each dimension");
  const Shape strides = strides_of(x.shape);
  Box box;
  Shape shape;
  for (size_t i = 0; i < reps.size(); ++i) {
    shape.push_back(x.shape[i] * reps[i]);
    box.shape.insert(box.shape.end(), {reps[i], x.shape[i]});
    box.strides.insert(box.strides.end(), {0, strides[i]});
  }
  c.result(x.type, shape);
  return copy(c, x, box);
}

}  // namespace

std::span<const OpSpec> shape_ops() {
  static constexpr OpSpec list[] = {
      {"reshape", "x:values shape:ints", reshape},
      {"transpose", "x:values perm:ints", transpose},
      {"expand_dims", "x:values axes:ints", expand_dims},
      {"squeeze", "x:values axes:ints?", squeeze},
      {"flatten2d", "x:values axis:int?", flatten2d},
      {"reverse", "x:values axes:ints?", reverse},
      {"sliding_windows", "x:values axis:int size:int stride:int?", sliding_windows},
      {"tile", "x:values reps:ints", tile},
  };
  return list;
}

}  // namespace anec::emulator
