// softmax_grad: dx = y · (dy − Σ y · dy) along each row, with y the softmax.

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::softmax_grad {
namespace {

void describe(Shape& s) {
  const Count rows = s.dim("rows"), n = s.dim("n");
  for (int i = 0; i < 3; ++i) s.operand(i, DType::f32, rows * n);
}

Fault run(const Call& call) {
  const int64_t rows = call.ints[0], n = call.ints[1];
  const float *y = call.f32(0), *dy = call.f32(1);
  float* dx = call.f32(2);
  call.pool.parallel_for(rows, rows_per_range(n), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float *p = y + row * n, *dp = dy + row * n;
      float* out = dx + row * n;
      const float dot = static_cast<float>(row_dot(p, dp, n));
      for (int64_t i = 0; i < n; ++i) out[i] = p[i] * (dp[i] - dot);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"softmax_grad", describe, run};

}  // namespace anec::ANEC_LEVEL::softmax_grad
