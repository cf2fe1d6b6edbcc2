// rms_norm_grad_w: dw = Σ_rows dy · x · r (+ dw).
//
// Rows share r, so it is computed first, in parallel over rows; the sums then run in parallel over
// blocks of columns, each adding its rows in order.

#include "anec/kernel.h"
#include "rms.h"

namespace anec::ANEC_LEVEL::rms_norm_grad_w {
namespace {

constexpr int64_t columns = 64;

void describe(Shape& s) {
  const Count rows = s.dim("rows"), n = s.dim("n");
  s.choice("write", write_modes);
  s.expect_floats(1);
  s.operand(0, DType::f32, rows * n);
  s.operand(1, DType::f32, rows * n);
  s.operand(2, DType::f32, n);
  s.shared_scratch(rows);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], n = call.ints[1];
  const bool add = call.adds(call.ints[2]);
  const float *x = call.f32(0), *dy = call.f32(1);
  float *dw = call.f32(2), *r = call.shared;
  call.pool.parallel_for(rows, rows_per_range(n), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) r[row] = inverse_rms(x + row * n, n, call.floats[0]);
  });
  call.pool.parallel_for(n, columns, [&](int64_t begin, int64_t end, int) {
    for (int64_t j0 = begin; j0 < end; j0 += columns) {
      const int64_t width = end - j0 < columns ? end - j0 : columns;
      double sum[columns] = {};
      for (int64_t row = 0; row < rows; ++row) {
        const float *xr = x + row * n + j0, *dr = dy + row * n + j0;
        const float rr = r[row];
        for (int64_t j = 0; j < width; ++j) sum[j] += static_cast<double>(dr[j] * xr[j] * rr);
      }
      for (int64_t j = 0; j < width; ++j)
        dw[j0 + j] = static_cast<float>(sum[j]) + (add ? dw[j0 + j] : 0.0f);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"rms_norm_grad_w", describe, run};

}  // namespace anec::ANEC_LEVEL::rms_norm_grad_w
