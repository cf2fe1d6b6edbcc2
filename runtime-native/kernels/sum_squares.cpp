// sum_squares: out = Σ x² (+ out), in double, for the norm of a gradient.
//
// Chunks of 16,384 are summed by any thread and added in order.

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL {
namespace {

constexpr int64_t chunk = 16384;

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  s.choice("write", write_modes);
  s.operand(0, DType::f32, n);
  s.operand(1, DType::f64, 1);
  s.shared_scratch(2 * (n / chunk + 1));
}

Fault run(const Call& call) {
  const int64_t n = call.ints[0], chunks = (n + chunk - 1) / chunk;
  const float* x = call.f32(0);
  double *out = call.f64(1), *sums = reinterpret_cast<double*>(call.shared);
  call.pool.parallel_for(chunks, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c) {
      const float* from = x + c * chunk;
      sums[c] = row_dot(from, from, n - c * chunk < chunk ? n - c * chunk : chunk);
    }
  });
  double sum = 0;
  for (int64_t c = 0; c < chunks; ++c) sum += sums[c];
  out[0] = sum + (call.adds(call.ints[1]) ? out[0] : 0.0);
  return {};
}

}  // namespace

extern const Kernel sum_squares;
const Kernel sum_squares = {"sum_squares", describe, run};

}  // namespace anec::ANEC_LEVEL
