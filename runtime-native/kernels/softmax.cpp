// softmax: y = exp(x − max) / Σ exp(x − max) along each row.
//
// −inf entries become 0. A row of only −inf has no softmax and becomes NaN, as IEEE arithmetic says.

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::softmax {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), n = s.dim("n");
  s.operand(0, DType::f32, rows * n);
  s.operand(1, DType::f32, rows * n);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], n = call.ints[1];
  const float* x = call.f32(0);
  float* y = call.f32(1);
  call.pool.parallel_for(rows, rows_per_range(n), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float* in = x + row * n;
      float* out = y + row * n;
      const double sum = row_exp(in, row_max(in, n), out, n);
      row_scale(out, static_cast<float>(1.0 / sum), n);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"softmax", describe, run};

}  // namespace anec::ANEC_LEVEL::softmax
