// rms_norm: y = x · r · w with r = 1 / sqrt(mean(x²) + eps) for each row.

#include "anec/kernel.h"
#include "rms.h"

namespace anec::ANEC_LEVEL::rms_norm {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), n = s.dim("n");
  s.expect_floats(1);
  s.operand(0, DType::f32, rows * n);
  s.operand(1, DType::f32, n);
  s.operand(2, DType::f32, rows * n);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], n = call.ints[1];
  const float *x = call.f32(0), *w = call.f32(1);
  float* y = call.f32(2);
  call.pool.parallel_for(rows, rows_per_range(n), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float* in = x + row * n;
      float* out = y + row * n;
      const float r = inverse_rms(in, n, call.floats[0]);
      for (int64_t i = 0; i < n; ++i) out[i] = in[i] * r * w[i];
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"rms_norm", describe, run};

}  // namespace anec::ANEC_LEVEL::rms_norm
