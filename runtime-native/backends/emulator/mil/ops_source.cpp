// Ops that make tensors from little.

#include <cmath>

#include "ops.h"

namespace anec::emulator {
namespace {

// A result of one value everywhere.
bool filled(Call& c, const Shape& shape) {
  const Operand* value = c.maybe("value");
  const ElementType type = value == nullptr ? ElementType::fp32 : value->type;
  if (value != nullptr && size_of(value->shape) != 1) return c.fail("value", "must be one value");
  c.result(type, shape);
  return c.run([type, in = c.in("value"), size = size_of(shape)](const Run& run) {
    typedef uint32_t Cell __attribute__((may_alias));
    float cell = 0;
    if (in >= 0) cell = run.in[in][0];
    const Cell bits = in < 0 ? 0 : *reinterpret_cast<const Cell*>(run.in[in]);
    if (is_float(type)) {
      for (int64_t i = 0; i < size; ++i) run.out[0][i] = cell;
    } else {
      for (int64_t i = 0; i < size; ++i) reinterpret_cast<Cell*>(run.out[0])[i] = bits;
    }
  });
}

bool fill(Call& c) {
  const Shape shape = *c.ints("shape");
  for (const int64_t n : shape)
    if (n < 1) return c.fail("shape", "must be sizes from 1, not " + text_of(shape));
  return filled(c, shape);
}

bool fill_like(Call& c) { return filled(c, c.one("ref_tensor").shape); }

// start, start + step, … below end
bool range_1d(Call& c) {
  const Operand &start = c.one("start"), &end = c.one("end"), &step = c.one("step");
  if (start.type != end.type || start.type != step.type)
    return c.fail("step", "must have the type of `start` and `end`");
  const double from = c.number("start", 0), to = c.number("end", 0), by = c.number("step", 1);
  if (by == 0) return c.fail("step", "must not be 0");
  const double count = std::ceil((to - from) / by);
  if (!(count >= 1 && count <= double(kLargest)))
    return c.fail("end", "gives no range that the emulator holds");
  const ElementType type = start.type;
  c.result(type, {int64_t(count)});
  return c.run([=, n = int64_t(count)](const Run& run) {
    for (int64_t i = 0; i < n; ++i) {
      const double value = from + double(i) * by;
      store_cells(&value, 1, type, run.numerics, run.out[0] + i);
    }
  });
}

// The sizes of the dimensions of x.
bool shape_op(Call& c) {
  const Shape shape = c.one("x").shape;
  if (shape.empty()) return c.fail("x", "needs a dimension");
  c.result(ElementType::int32, {int64_t(shape.size())});
  return c.run([shape](const Run& run) {
    for (size_t i = 0; i < shape.size(); ++i) {
      const double size = double(shape[i]);
      store_cells(&size, 1, ElementType::int32, run.numerics, run.out[0] + i);
    }
  });
}

}  // namespace

std::span<const OpSpec> source_ops() {
  static constexpr OpSpec list[] = {
      {"fill", "shape:ints value:values?", fill},
      {"fill_like", "ref_tensor:values value:values?", fill_like},
      {"range_1d", "start:factor end:factor step:factor", range_1d},
      {"shape", "x:values", shape_op},
  };
  return list;
}

}  // namespace anec::emulator
