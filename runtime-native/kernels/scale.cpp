// scale: x = x · factor, in place.

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::scale {
namespace {

void describe(Shape& s) {
  s.operand(0, DType::f32, s.dim("n"));
  s.expect_floats(1);
}

Fault run(const Call& call) {
  float* x = call.f32(0);
  const float factor = static_cast<float>(call.floats[0]);
  call.pool.parallel_for(call.ints[0], 65536, [&](int64_t begin, int64_t end, int) {
    row_scale(x + begin, factor, end - begin);
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"scale", describe, run};

}  // namespace anec::ANEC_LEVEL::scale
