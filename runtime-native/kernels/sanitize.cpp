// sanitize: what is not finite becomes finite, in place: NaN 0, infinities ±limit.
//
// The limit is data: [limit].

#include <cmath>

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::sanitize {
namespace {

void describe(Shape& s) {
  s.operand(0, DType::f32, s.dim("n"));
  s.operand(1, DType::f32, 1);
}

Fault run(const Call& call) {
  float* x = call.f32(0);
  const float limit = call.f32(1)[0];
  call.pool.parallel_for(call.ints[0], 65536, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      if (std::isnan(x[i])) x[i] = 0.0f;
      if (std::isinf(x[i])) x[i] = x[i] > 0.0f ? limit : -limit;
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"sanitize", describe, run};

}  // namespace anec::ANEC_LEVEL::sanitize
