// Finds the 8-bit integers behind the operands of a product.

#include "integers.h"

namespace anec::emulator {

IntegerPath integer_path(Call& c, const Operand& a, int64_t row_axis, const Operand& b,
                         int64_t column_axis, int64_t k) {
  IntegerPath path;
  const auto x = c.quantized(a), w = c.quantized(b);
  if (!x || !w || k > kMostIntegers) return path;
  if ((x->axis >= 0 && x->axis != row_axis) || (w->axis >= 0 && w->axis != column_axis))
    return path;
  path.a = c.in(*x->values);
  path.b = c.in(*w->values);
  path.a_scale = c.in(*x->scale);
  path.b_scale = c.in(*w->scale);
  path.a_by_row = x->axis >= 0;
  path.b_by_column = w->axis >= 0;
  path.a_shift = x->shift;
  path.b_shift = w->shift;
  return path;
}

}  // namespace anec::emulator
