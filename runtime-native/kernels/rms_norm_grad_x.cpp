// rms_norm_grad_x: dx = r · (w · dy − x · t) (+ dx), t = r² / n · Σ w · dy · x for each row.

#include "anec/kernel.h"
#include "rms.h"

namespace anec::ANEC_LEVEL::rms_norm_grad_x {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), n = s.dim("n");
  s.choice("write", write_modes);
  s.expect_floats(1);
  s.operand(0, DType::f32, rows * n);
  s.operand(1, DType::f32, n);
  s.operand(2, DType::f32, rows * n);
  s.operand(3, DType::f32, rows * n);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], n = call.ints[1];
  const bool add = call.adds(call.ints[2]);
  const float *x = call.f32(0), *w = call.f32(1), *dy = call.f32(2);
  float* dx = call.f32(3);
  call.pool.parallel_for(rows, rows_per_range(n), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float *xr = x + row * n, *dr = dy + row * n;
      float* out = dx + row * n;
      const float r = inverse_rms(xr, n, call.floats[0]);
      const double dot = row_sum(n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
        return load_lanes(w + i, lanes, 0) * load_lanes(dr + i, lanes, 0) *
               load_lanes(xr + i, lanes, 0);
      });
      const float t = static_cast<float>(double(r) * double(r) / static_cast<double>(n) * dot);
      if (add) {
        for (int64_t i = 0; i < n; ++i) out[i] += r * (w[i] * dr[i] - xr[i] * t);
      } else {
        for (int64_t i = 0; i < n; ++i) out[i] = r * (w[i] * dr[i] - xr[i] * t);
      }
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"rms_norm_grad_x", describe, run};

}  // namespace anec::ANEC_LEVEL::rms_norm_grad_x
