// Ops that pick elements by indices.

#include <cstring>

#include "ops.h"
#include "rows.h"

namespace anec::emulator {
namespace {

typedef int32_t Whole __attribute__((may_alias));

constexpr const char* kOutside = "an index lies outside its axis";

// Index i of a list, from 0; negative ones count from the end. False if it lies outside.
bool place_of(const Run& run, int in, int64_t i, int64_t n, int64_t& out) {
  const int64_t index = reinterpret_cast<const Whole*>(run.in[in])[i];
  out = index < 0 ? index + n : index;
  if (out >= 0 && out < n) return true;
  *run.complaint = kOutside;
  out = 0;
  return false;
}

// x[.., indices, ..] along one axis; the first `batch_dims` dimensions of both go together.
bool gather(Call& c) {
  const Operand &x = c.one("x"), &indices = c.one("indices");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, 0, axis)) return false;
  const int64_t batch = c.integer("batch_dims", 0);
  bool shared = batch >= 0 && batch <= axis && batch <= int64_t(indices.shape.size());
  for (int64_t d = 0; shared && d < batch; ++d)
    shared = x.shape[size_t(d)] == indices.shape[size_t(d)];
  if (!shared) return c.fail("batch_dims", "must count leading dimensions that both have");
  int64_t batches = 1, outer = 1, inner = 1, count = 1;
  Shape shape;
  for (int64_t d = 0; d < axis; ++d) {
    (d < batch ? batches : outer) *= x.shape[size_t(d)];
    shape.push_back(x.shape[size_t(d)]);
  }
  for (size_t d = size_t(batch); d < indices.shape.size(); ++d) {
    count *= indices.shape[d];
    shape.push_back(indices.shape[d]);
  }
  for (size_t d = size_t(axis) + 1; d < x.shape.size(); ++d) {
    inner *= x.shape[d];
    shape.push_back(x.shape[d]);
  }
  const int64_t n = x.shape[size_t(axis)];
  c.result(x.type, shape);
  return c.run([=, in = c.in(x), list = c.in(indices)](const Run& run) {
    float* out = run.out[0];
    for (int64_t i = 0; i < batches * outer; ++i) {
      for (int64_t j = 0; j < count; ++j, out += inner) {
        int64_t place;
        if (!place_of(run, list, i / outer * count + j, n, place)) return;
        std::memcpy(out, run.in[in] + (i * n + place) * inner, size_t(inner) * sizeof(float));
      }
    }
  });
}

// Indices have the shape of x except along the axis.
bool gather_along_axis(Call& c) {
  const Operand &x = c.one("x"), &indices = c.one("indices");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, 0, axis)) return false;
  bool fits = indices.shape.size() == x.shape.size();
  for (size_t d = 0; fits && d < x.shape.size(); ++d)
    fits = int64_t(d) == axis || indices.shape[d] == x.shape[d];
  if (!fits)
    return c.fail("indices", "may differ from `x` only along axis " + std::to_string(axis));
  int64_t inner = 1;
  for (size_t d = size_t(axis) + 1; d < x.shape.size(); ++d) inner *= x.shape[d];
  const int64_t n = x.shape[size_t(axis)], count = indices.shape[size_t(axis)],
                size = size_of(indices.shape);
  c.result(x.type, indices.shape);
  return c.run([=, in = c.in(x), list = c.in(indices)](const Run& run) {
    for (int64_t i = 0; i < size; ++i) {
      int64_t place;
      if (!place_of(run, list, i, n, place)) return;
      const int64_t from = (i / (inner * count) * n + place) * inner + i % inner;
      std::memcpy(run.out[0] + i, run.in[in] + from, sizeof(float));
    }
  });
}

// A new axis of `one_hot_vector_size` elements; its values have the type of `on_value`.
bool one_hot(Call& c) {
  const Operand& indices = c.one("indices");
  Shape shape = indices.shape;
  const auto found = axis_of(c.integer("axis", -1), shape.size() + 1);
  if (!found) return c.fail("axis", "must be an axis of the result");
  const int64_t size = c.integer("one_hot_vector_size", 0);
  if (size < 1) return c.fail("one_hot_vector_size", "must be 1 or more");
  const Operand *on = c.maybe("on_value"), *off = c.maybe("off_value");
  if (on != nullptr && off != nullptr && on->type != off->type)
    return c.fail("off_value", "must have the type of `on_value`");
  const ElementType type = on != nullptr    ? on->type
                           : off != nullptr ? off->type
                                            : ElementType::int32;
  int64_t inner = 1;
  for (size_t d = size_t(*found); d < shape.size(); ++d) inner *= shape[d];
  shape.insert(shape.begin() + *found, size);
  c.result(type, shape);
  return c.run([=, list = c.in(indices), total = size_of(shape), set = c.in("on_value"),
                rest = c.in("off_value")](const Run& run) {
    const double one = 1, zero = 0;
    float values[2];
    store_cells(&zero, 1, type, run.numerics, &values[0]);
    store_cells(&one, 1, type, run.numerics, &values[1]);
    if (rest >= 0) std::memcpy(&values[0], run.in[rest], sizeof(float));
    if (set >= 0) std::memcpy(&values[1], run.in[set], sizeof(float));
    const Whole* at = reinterpret_cast<const Whole*>(run.in[list]);
    for (int64_t i = 0; i < total; ++i) {
      const int64_t index = at[i / (inner * size) * inner + i % inner];
      std::memcpy(run.out[0] + i, &values[index == i / inner % size], sizeof(float));
    }
  });
}

}  // namespace

std::span<const OpSpec> gather_ops() {
  static constexpr OpSpec list[] = {
      {"gather", "x:values indices:wholes axis:int? batch_dims:int? validate_indices:flag?", gather},
      {"gather_along_axis", "x:values indices:wholes axis:int? validate_indices:flag?",
       gather_along_axis},
      {"one_hot",
       "indices:wholes one_hot_vector_size:int axis:int? on_value:number? off_value:number?",
       one_hot},
  };
  return list;
}

}  // namespace anec::emulator
