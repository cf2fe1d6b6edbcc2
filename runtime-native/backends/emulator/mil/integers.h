// Products of 8-bit integers: which operands have them, and how a product reads them.

#pragma once

#include "call.h"
#include "product.h"

namespace anec::emulator {

// The integers behind both operands of a product, found when it is compiled.
struct IntegerPath {
  int a = -1, b = -1, a_scale = -1, b_scale = -1;  // cells; a is -1 if there are none
  bool a_by_row = false, b_by_column = false;
  int32_t a_shift = 0, b_shift = 0;

  bool taken(const Run& run) const { return a >= 0 && run.exact(); }
  // `first_row` of the product's a has that row's scale.
  IntegerFactors factors(const Run& run, int64_t first_row = 0) const {
    return {run.in[a_scale] + (a_by_row ? first_row : 0), run.in[b_scale], a_by_row, b_by_column,
            a_shift, b_shift};
  }
};

// Scales may be lists along `row_axis` of a and `column_axis` of b; -1 allows none.
IntegerPath integer_path(Call& c, const Operand& a, int64_t row_axis, const Operand& b,
                         int64_t column_axis, int64_t k);

}  // namespace anec::emulator
