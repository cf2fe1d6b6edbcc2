// fill: every element of out becomes one value.

#include "anec/kernel.h"
#include "anec/simd.h"

namespace anec::ANEC_LEVEL::fill {
namespace {

void describe(Shape& s) {
  s.operand(0, DType::f32, s.dim("n"));
  s.expect_floats(1);
}

Fault run(const Call& call) {
  float* out = call.f32(0);
  const float value = static_cast<float>(call.floats[0]);
  call.pool.parallel_for(call.ints[0], 65536, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) out[i] = value;
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"fill", describe, run};

}  // namespace anec::ANEC_LEVEL::fill
