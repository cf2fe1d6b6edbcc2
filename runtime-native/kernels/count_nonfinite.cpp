// count_nonfinite: out = how many elements of x are infinite or NaN (+ out).

#include "anec/kernel.h"
#include "anec/simd.h"

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

// All exponent bits set.
int64_t count(const float* x, int64_t n) {
  int32_t found = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t word;
    std::memcpy(&word, x + i, sizeof word);
    found += (word & 0x7f800000u) == 0x7f800000u ? 1 : 0;
  }
  return found;
}

Fault run(const Call& call) {
  const int64_t n = call.ints[0], chunks = (n + chunk - 1) / chunk;
  const float* x = call.f32(0);
  double *out = call.f64(1), *counts = reinterpret_cast<double*>(call.shared);
  call.pool.parallel_for(chunks, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c) {
      const int64_t size = n - c * chunk < chunk ? n - c * chunk : chunk;
      counts[c] = static_cast<double>(count(x + c * chunk, size));
    }
  });
  double sum = 0;
  for (int64_t c = 0; c < chunks; ++c) sum += counts[c];
  out[0] = sum + (call.adds(call.ints[1]) ? out[0] : 0.0);
  return {};
}

}  // namespace

extern const Kernel count_nonfinite;
const Kernel count_nonfinite = {"count_nonfinite", describe, run};

}  // namespace anec::ANEC_LEVEL
