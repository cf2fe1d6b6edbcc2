// sum_squares: out = Σ x² (+ out), in double, for the norm of a gradient; nonfinite = how many elements
// are infinite or NaN (+ nonfinite).
//
// Chunks of 16,384 are summed by any thread and added in order. Only a chunk whose sum is not finite
// can have elements that are not, so the others are read once.

#include <cmath>

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::sum_squares {
namespace {

constexpr int64_t chunk = 16384;

struct Sums {
  double squares, nonfinite;
};

void describe(Shape& s) {
  const int64_t n = s.dim("n");
  s.choice("write", write_modes);
  s.operand(0, DType::f32, n);
  s.operand(1, DType::f64, 1);
  s.operand(2, DType::f64, 1);
  s.shared_scratch(4 * (n / chunk + 1));
}

// All exponent bits set.
int64_t count_nonfinite(const float* x, int64_t n) {
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
  Sums* sums = reinterpret_cast<Sums*>(call.shared);
  call.pool.parallel_for(chunks, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c) {
      const float* from = x + c * chunk;
      const int64_t size = n - c * chunk < chunk ? n - c * chunk : chunk;
      const double squares = row_dot(from, from, size);
      const int64_t nonfinite = std::isfinite(squares) ? 0 : count_nonfinite(from, size);
      sums[c] = {squares, static_cast<double>(nonfinite)};
    }
  });
  const bool adds = call.adds(call.ints[1]);
  Sums all = {0, 0};
  for (int64_t c = 0; c < chunks; ++c) {
    all.squares += sums[c].squares;
    all.nonfinite += sums[c].nonfinite;
  }
  call.f64(1)[0] = all.squares + (adds ? call.f64(1)[0] : 0.0);
  call.f64(2)[0] = all.nonfinite + (adds ? call.f64(2)[0] : 0.0);
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"sum_squares", describe, run};

}  // namespace anec::ANEC_LEVEL::sum_squares
